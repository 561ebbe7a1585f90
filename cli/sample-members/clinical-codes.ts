export interface Problem {
  readonly snomed: string;
  readonly icd10: string;
  readonly display: string;
  /** Code of v3-ActCode's sensitivity labels, where the law or the member asks for one. */
  readonly sensitivity?: 'PSY' | 'ETH' | 'HIV';
}

export const CHRONIC: readonly Problem[] = [
  { snomed: '59621000', icd10: 'I10', display: 'Essential hypertension' },
  { snomed: '44054006', icd10: 'E11.9', display: 'Diabetes mellitus type 2' },
  { snomed: '55822004', icd10: 'E78.5', display: 'Hyperlipidemia' },
  { snomed: '195967001', icd10: 'J45.909', display: 'Asthma' },
  { snomed: '64859006', icd10: 'M81.0', display: 'Osteoporosis' },
  { snomed: '78275009', icd10: 'G47.33', display: 'Obstructive sleep apnea syndrome' },
  { snomed: '271737000', icd10: 'D64.9', display: 'Anemia' },
  { snomed: '235595009', icd10: 'K21.9', display: 'Gastroesophageal reflux disease' },
];

export const SENSITIVE: readonly Problem[] = [
  { snomed: '35489007', icd10: 'F32.A', display: 'Depressive disorder', sensitivity: 'PSY' },
  { snomed: '7200002', icd10: 'F10.20', display: 'Alcoholism', sensitivity: 'ETH' },
  { snomed: '86406008', icd10: 'B20', display: 'Human immunodeficiency virus infection', sensitivity: 'HIV' },
];

export const ACUTE: readonly Problem[] = [
  { snomed: '195662009', icd10: 'J02.9', display: 'Acute viral pharyngitis' },
  { snomed: '444814009', icd10: 'J01.90', display: 'Viral sinusitis' },
  { snomed: '10509002', icd10: 'J20.9', display: 'Acute bronchitis' },
  { snomed: '40275004', icd10: 'L25.9', display: 'Contact dermatitis' },
  { snomed: '278860009', icd10: 'M54.50', display: 'Chronic low back pain' },
  { snomed: '73595000', icd10: 'Z73.3', display: 'Stress' },
  { snomed: '15777000', icd10: 'R73.03', display: 'Prediabetes' },
];

export const INPATIENT: readonly Problem[] = [
  { snomed: '233604007', icd10: 'J18.9', display: 'Pneumonia' },
  { snomed: '401314000', icd10: 'I21.4', display: 'Acute non-ST segment elevation myocardial infarction' },
  { snomed: '239872002', icd10: 'M16.9', display: 'Osteoarthritis of hip' },
];

export const DENTAL: readonly Problem[] = [
  { snomed: '66383009', icd10: 'K05.10', display: 'Gingivitis' },
  { snomed: '109570002', icd10: 'K02.9', display: 'Primary dental caries' },
];

/** A procedure in the words of the record, and the code under which it is claimed. */
export interface Service {
  readonly snomed: string;
  readonly display: string;
  readonly claimed: string;
}

export const OFFICE_SERVICES: readonly Service[] = [
  { snomed: '430193006', display: 'Medication reconciliation', claimed: '99495' },
  { snomed: '710824005', display: 'Assessment of health and social care needs', claimed: '96160' },
  { snomed: '171207006', display: 'Depression screening', claimed: '96127' },
  { snomed: '29303009', display: 'Electrocardiographic procedure', claimed: '93000' },
  { snomed: '91251008', display: 'Physical therapy procedure', claimed: '97110' },
];

export const OUTPATIENT_SERVICES: readonly Service[] = [
  { snomed: '399208008', display: 'Plain chest X-ray', claimed: '71046' },
  { snomed: '73761001', display: 'Colonoscopy', claimed: '45378' },
  { snomed: '71651007', display: 'Mammography', claimed: '77067' },
  { snomed: '40701008', display: 'Echocardiography', claimed: '93306' },
];

export const INPATIENT_SERVICES: readonly Service[] = [
  { snomed: '371908008', display: 'Oxygen administration by mask', claimed: '94760' },
  { snomed: '71493000', display: 'Transfusion of packed red blood cells', claimed: '36430' },
  { snomed: '315639002', display: 'Initial patient assessment', claimed: '99223' },
];

export const DENTAL_SERVICES: readonly Service[] = [
  { snomed: '34043003', display: 'Dental consultation and report', claimed: 'D0120' },
  { snomed: '225362009', display: 'Dental care', claimed: 'D1110' },
  { snomed: '68071007', display: 'Dental fluoride treatment', claimed: 'D1206' },
];

export interface Drug {
  readonly rxnorm: string;
  readonly display: string;
  readonly ndc: string;
  /** Digits of one dose, of its unit. */
  readonly dose: string;
  readonly unit: string;
}

export const DRUGS: readonly Drug[] = [
  { rxnorm: '314076', display: 'lisinopril 10 MG Oral Tablet', ndc: '68180098001', dose: '1.0', unit: '{tbl}' },
  {
    rxnorm: '310798',
    display: 'Hydrochlorothiazide 25 MG Oral Tablet',
    ndc: '00228282011',
    dose: '0.50',
    unit: '{tbl}',
  },
  { rxnorm: '314231', display: 'Simvastatin 10 MG Oral Tablet', ndc: '16714068201', dose: '1', unit: '{tbl}' },
  { rxnorm: '308136', display: 'amLODIPine 2.5 MG Oral Tablet', ndc: '69097083605', dose: '1.5', unit: '{tbl}' },
  { rxnorm: '904419', display: 'Alendronic acid 10 MG Oral Tablet', ndc: '16714063101', dose: '1', unit: '{tbl}' },
  { rxnorm: '106258', display: 'Hydrocortisone 10 MG/ML Topical Cream', ndc: '45802043803', dose: '0.10', unit: 'mL' },
  { rxnorm: '313782', display: 'Acetaminophen 325 MG Oral Tablet', ndc: '00904677361', dose: '2', unit: '{tbl}' },
  {
    rxnorm: '562251',
    display: 'Amoxicillin 250 MG / Clavulanate 125 MG Oral Tablet',
    ndc: '00143924920',
    dose: '1',
    unit: '{tbl}',
  },
];

export const VACCINES: readonly { readonly cvx: string; readonly display: string; readonly claimed: string }[] = [
  { cvx: '140', display: 'Influenza, seasonal, injectable, preservative free', claimed: '90656' },
  { cvx: '208', display: 'COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose', claimed: '91300' },
  { cvx: '113', display: 'Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed', claimed: '90714' },
  { cvx: '133', display: 'Pneumococcal conjugate PCV 13', claimed: '90670' },
];

export const ALLERGIES = [
  { snomed: '762952008', display: 'Peanut', category: 'food' },
  { snomed: '111088007', display: 'Latex', category: 'environment' },
  { snomed: '735029006', display: 'Shellfish', category: 'food' },
  { snomed: '256277009', display: 'Grass pollen', category: 'environment' },
  { snomed: '288328004', display: 'Bee venom', category: 'environment' },
] as const;
