/**
 * Shared types that tell nothing of a member by themselves: a partner may read them, and they travel with the records
 * that refer to them. Types that list members (Group), hold what somebody else wrote about one (Task, Contract) or can
 * hold anything (Binary, Bundle) are not among them.
 */
export const OPEN_TYPES: ReadonlySet<string> = new Set([
  'DeviceDefinition',
  'Endpoint',
  'HealthcareService',
  'InsurancePlan',
  'Location',
  'Medication',
  'MedicationKnowledge',
  'Organization',
  'OrganizationAffiliation',
  'Practitioner',
  'PractitionerRole',
  'Questionnaire',
  'Substance',
]);

/**
 * Whether a resource that belongs to nobody goes along with the records that refer to it. A Device may be a member's own or
 * the hospital's: the latter has no owner.
 */
export const goesAlong = (type: string): boolean => OPEN_TYPES.has(type) || type === 'Device';
