import { CARIN, SYSTEMS, concept, hl7Concept, identifierOf, usCore } from './concepts.ts';
import { DRUGS } from './clinical-codes.ts';
import type { Drug } from './clinical-codes.ts';
import { decimal, escaped } from './json.ts';
import type { JsonObject } from './json.ts';
import { npiOf } from './npi.ts';
import { SAMPLE_PAYER } from './payer.ts';
import { CLINICIANS, PLACES } from './people.ts';
import type { Person, Place } from './people.ts';
import { createRandom, stableId } from './random.ts';
import type { Random } from './random.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';

export type SiteKind = 'clinic' | 'hospital' | 'laboratory' | 'pharmacy' | 'dentist';

export interface Clinician extends Target {
  readonly npi: string;
  readonly name: string;
}

export interface Site {
  readonly kind: SiteKind;
  readonly name: string;
  readonly npi: string;
  readonly organization: Target;
  readonly location: Target;
  readonly clinicians: readonly Clinician[];
}

/** What all members of a seed share: payer, providers, medications. */
export interface Directory {
  readonly payer: Target;
  readonly sites: readonly Site[];
  readonly medications: readonly (Target & { readonly drug: Drug })[];
  readonly resources: readonly ResourceBody[];
}

const SITES: readonly {
  readonly kind: SiteKind;
  readonly name: string;
  readonly specialty: readonly [string, string];
}[] = [
  { kind: 'clinic', name: 'Río Grande Family Medicine', specialty: ['207Q00000X', 'Family Medicine Physician'] },
  { kind: 'clinic', name: 'Elm Street Internists', specialty: ['207R00000X', 'Internal Medicine Physician'] },
  { kind: 'hospital', name: 'St. Brigid Hospital', specialty: ['208M00000X', 'Hospitalist Physician'] },
  { kind: 'laboratory', name: 'Åkesson & Daughters Laboratory', specialty: ['207ZP0102X', 'Pathology Physician'] },
  { kind: 'pharmacy', name: 'Corner Pharmacy #12', specialty: ['183500000X', 'Pharmacist'] },
  { kind: 'dentist', name: 'Bright Teeth Dental', specialty: ['1223G0001X', 'General Practice Dentistry'] },
];

export function createDirectory(seed: string): Directory {
  const random = createRandom(seed, 'directory');
  const idOf = (type: string, index: number): string => stableId(seed, 'shared', type, index);
  const resources: ResourceBody[] = [payerOrganization()];
  const sites = SITES.map((entry, index): Site => {
    const organization = { resourceType: 'Organization', id: idOf('Organization', index) };
    const location = { resourceType: 'Location', id: idOf('Location', index) };
    const npi = npiOf(random);
    const place = random.pick(PLACES);
    const site = { ...entry, npi, organization, location };
    const perSite = CLINICIANS.length / SITES.length;
    const clinicians = CLINICIANS.slice(index * perSite, (index + 1) * perSite).map((person, at) => {
      const clinician = clinicianOf(person, idOf('Practitioner', index * perSite + at), random);
      resources.push(practitioner(clinician, person));
      resources.push(practitionerRole(idOf('PractitionerRole', index * perSite + at), clinician, site, random));
      return clinician;
    });
    resources.push(providerOrganization(site, place, random), siteLocation(site, place, random));
    return { ...site, clinicians };
  });
  const medications = DRUGS.map((drug, index) => {
    const body = medication(idOf('Medication', index), drug);
    resources.push(body);
    return { resourceType: body.resourceType, id: body.id, drug };
  });
  return { payer: { resourceType: 'Organization', id: SAMPLE_PAYER.id }, sites, medications, resources };
}

type SiteParts = Omit<Site, 'clinicians'> & { readonly specialty: readonly [string, string] };

export function payerOrganization(): ResourceBody {
  return {
    resourceType: 'Organization',
    id: SAMPLE_PAYER.id,
    meta: {
      profile: [
        'http://hl7.org/fhir/us/core/StructureDefinition/us-core-organization',
        `${CARIN}/StructureDefinition/C4BB-Organization|2.1.0`,
      ],
    },
    identifier: [
      {
        type: concept(`${CARIN}/CodeSystem/C4BBIdentifierType`, 'naiccode'),
        system: SAMPLE_PAYER.system,
        value: SAMPLE_PAYER.value,
      },
    ],
    active: true,
    type: [hl7Concept('organization-type', 'pay', 'Payer')],
    name: SAMPLE_PAYER.display,
    telecom: [phone('800-555-0100')],
    address: [{ line: ['1 Meadow Way'], city: 'Santa Fe', state: 'NM', postalCode: '87501', country: 'US' }],
  };
}

function phone(value: string): JsonObject {
  return { system: 'phone', value, use: 'work' };
}

function localPhone(random: Random): JsonObject {
  return phone(`505-555-0${random.digits(3)}`);
}

function addressOf(place: Place, random: Random): JsonObject {
  return { line: [`${random.integer(1, 900)} Main Street`], ...place, country: 'US' };
}

function providerOrganization(site: SiteParts, place: Place, random: Random): ResourceBody {
  return {
    ...site.organization,
    meta: usCore('organization'),
    identifier: [identifierOf(SYSTEMS.npi, site.npi, 'NPI')],
    active: true,
    type: [hl7Concept('organization-type', 'prov', 'Healthcare Provider')],
    name: site.name,
    telecom: [localPhone(random)],
    address: [addressOf(place, random)],
  };
}

function siteLocation(site: SiteParts, place: Place, random: Random): ResourceBody {
  return {
    ...site.location,
    meta: usCore('location'),
    status: 'active',
    name: site.name,
    telecom: [localPhone(random)],
    address: addressOf(place, random),
    position: {
      longitude: decimal(`-${random.decimal(71, 106, 4)}0`),
      latitude: decimal(`${random.decimal(35, 42, 5)}0`),
    },
    managingOrganization: referenceTo(site.organization, site.name),
  };
}

function clinicianOf({ family, given }: Person, id: string, random: Random): Clinician {
  return { resourceType: 'Practitioner', id, npi: npiOf(random), name: `Dr. ${given.join(' ')} ${family}` };
}

function practitioner({ resourceType, id, npi, name }: Clinician, person: Person): ResourceBody {
  return {
    resourceType,
    id,
    meta: usCore('practitioner'),
    identifier: [identifierOf(SYSTEMS.npi, npi, 'NPI')],
    active: true,
    name: [{ text: name, family: escaped(person.family), given: person.given.map(escaped), prefix: ['Dr.'] }],
    gender: person.gender,
  };
}

function practitionerRole(id: string, clinician: Clinician, site: SiteParts, random: Random): ResourceBody {
  const specialty = concept(SYSTEMS.nucc, ...site.specialty);
  return {
    resourceType: 'PractitionerRole',
    id,
    meta: usCore('practitionerrole'),
    practitioner: referenceTo(clinician, clinician.name),
    organization: referenceTo(site.organization, site.name),
    code: [specialty],
    specialty: [specialty],
    location: [referenceTo(site.location, site.name)],
    telecom: [localPhone(random)],
  };
}

function medication(id: string, drug: Drug): ResourceBody {
  return {
    resourceType: 'Medication',
    id,
    meta: usCore('medication'),
    code: concept(SYSTEMS.rxnorm, drug.rxnorm, drug.display),
    status: 'active',
  };
}
