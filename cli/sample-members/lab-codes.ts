export interface Analyte {
  readonly loinc: string;
  readonly display: string;
  readonly unit: string;
  /** UCUM code, where it is not the unit's own text. */
  readonly code?: string;
  /** Digits of the reference range: what is drawn lies around it, with as many places. */
  readonly low: string;
  readonly high: string;
}

export interface Panel {
  readonly loinc: string;
  readonly display: string;
  readonly claimed: string;
  readonly analytes: readonly Analyte[];
}

export const PANELS: readonly Panel[] = [
  {
    loinc: '24321-2',
    display: 'Basic metabolic 2000 panel - Serum or Plasma',
    claimed: '80048',
    analytes: [
      {
        loinc: '2345-7',
        display: 'Glucose [Mass/volume] in Serum or Plasma',
        unit: 'mg/dL',
        low: '70.0',
        high: '99.0',
      },
      {
        loinc: '2160-0',
        display: 'Creatinine [Mass/volume] in Serum or Plasma',
        unit: 'mg/dL',
        low: '0.60',
        high: '1.20',
      },
      {
        loinc: '3094-0',
        display: 'Urea nitrogen [Mass/volume] in Serum or Plasma',
        unit: 'mg/dL',
        low: '7.0',
        high: '20.0',
      },
      {
        loinc: '17861-6',
        display: 'Calcium [Mass/volume] in Serum or Plasma',
        unit: 'mg/dL',
        low: '8.50',
        high: '10.20',
      },
      { loinc: '2951-2', display: 'Sodium [Moles/volume] in Serum or Plasma', unit: 'mmol/L', low: '135', high: '145' },
      {
        loinc: '2823-3',
        display: 'Potassium [Moles/volume] in Serum or Plasma',
        unit: 'mmol/L',
        low: '3.50',
        high: '5.10',
      },
      {
        loinc: '2075-0',
        display: 'Chloride [Moles/volume] in Serum or Plasma',
        unit: 'mmol/L',
        low: '98',
        high: '107',
      },
    ],
  },
  {
    loinc: '57698-3',
    display: 'Lipid panel with direct LDL - Serum or Plasma',
    claimed: '80061',
    analytes: [
      {
        loinc: '2093-3',
        display: 'Cholesterol [Mass/volume] in Serum or Plasma',
        unit: 'mg/dL',
        low: '125.0',
        high: '200.0',
      },
      {
        loinc: '2571-8',
        display: 'Triglyceride [Mass/volume] in Serum or Plasma',
        unit: 'mg/dL',
        low: '50.0',
        high: '150.0',
      },
      {
        loinc: '18262-6',
        display: 'Cholesterol in LDL [Mass/volume] in Serum or Plasma by Direct assay',
        unit: 'mg/dL',
        low: '50.0',
        high: '100.0',
      },
      {
        loinc: '2085-9',
        display: 'Cholesterol in HDL [Mass/volume] in Serum or Plasma',
        unit: 'mg/dL',
        low: '40.0',
        high: '60.0',
      },
    ],
  },
  {
    loinc: '58410-2',
    display: 'CBC panel - Blood by Automated count',
    claimed: '85027',
    analytes: [
      {
        loinc: '6690-2',
        display: 'Leukocytes [#/volume] in Blood by Automated count',
        unit: '10*3/uL',
        low: '4.50',
        high: '11.00',
      },
      {
        loinc: '789-8',
        display: 'Erythrocytes [#/volume] in Blood by Automated count',
        unit: '10*6/uL',
        low: '4.10',
        high: '5.90',
      },
      { loinc: '718-7', display: 'Hemoglobin [Mass/volume] in Blood', unit: 'g/dL', low: '12.0', high: '17.5' },
      {
        loinc: '4544-3',
        display: 'Hematocrit [Volume Fraction] of Blood by Automated count',
        unit: '%',
        low: '36.0',
        high: '50.0',
      },
      { loinc: '787-2', display: 'MCV [Entitic volume] by Automated count', unit: 'fL', low: '80.0', high: '96.0' },
      {
        loinc: '777-3',
        display: 'Platelets [#/volume] in Blood by Automated count',
        unit: '10*3/uL',
        low: '150',
        high: '450',
      },
    ],
  },
];

export const GLYCATED_HEMOGLOBIN: Analyte = {
  loinc: '4548-4',
  display: 'Hemoglobin A1c/Hemoglobin.total in Blood',
  unit: '%',
  low: '4.00',
  high: '5.60',
};
