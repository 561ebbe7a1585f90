import { SYSTEMS, US_CORE, concept, hl7Concept, quantity, usCore } from './concepts.ts';
import { SAMPLE_PAYER } from './payer.ts';
import { clinicianOf, patientOf, siteOf, subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { DAY, dateText } from './times.ts';

/** Team, goal and plan for a problem of the list; `relative` is on the team. */
export function* carePlanning(record: MemberRecord, problem: Target, relative: Target): Generator<ResourceBody> {
  const team = careTeam(record, relative);
  yield team;
  const goal = goalFor(record, problem);
  yield goal;
  yield carePlan(record, { problem, team, goal });
}

function careTeam(record: MemberRecord, relative: Target): ResourceBody {
  const site = siteOf(record, 'clinic');
  const clinician = clinicianOf(record, site);
  return {
    ...record.newTarget('CareTeam'),
    meta: usCore('careteam'),
    status: 'active',
    name: 'Everyday care',
    subject: subjectOf(record),
    participant: [
      {
        role: [concept(SYSTEMS.snomed, '446050000', 'Primary care provider')],
        member: referenceTo(clinician, clinician.name),
        onBehalfOf: referenceTo(site.organization, site.name),
      },
      { role: [concept(SYSTEMS.snomed, '116154003', 'Patient')], member: referenceTo(patientOf(record)) },
      { role: [concept(SYSTEMS.snomed, '133932002', 'Caregiver')], member: referenceTo(relative) },
    ],
    managingOrganization: [referenceTo(record.directory.payer, SAMPLE_PAYER.display)],
  };
}

function goalFor(record: MemberRecord, problem: Target): ResourceBody {
  return {
    ...record.newTarget('Goal'),
    meta: usCore('goal'),
    lifecycleStatus: 'active',
    achievementStatus: hl7Concept('goal-achievement', 'in-progress', 'In Progress'),
    description: { text: 'Weight below 80.0 kg 💪' },
    subject: subjectOf(record),
    startDate: dateText(record.referenceTime - 300 * DAY),
    target: [
      {
        measure: concept(SYSTEMS.loinc, '29463-7', 'Body weight'),
        detailQuantity: quantity('80.0', 'kg'),
        dueDate: dateText(record.referenceTime - 30 * DAY),
      },
    ],
    addresses: [referenceTo(problem)],
  };
}

function carePlan(
  record: MemberRecord,
  { problem, team, goal }: { readonly problem: Target; readonly team: Target; readonly goal: Target },
): ResourceBody {
  return {
    ...record.newTarget('CarePlan'),
    meta: usCore('careplan'),
    text: {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml">Plan: diet, exercise.<br/><a href="Goal/${goal.id}">Goal</a>, <a href="https://www.example.org/diet?a=1&amp;b=2">diet</a></div>`,
    },
    status: 'active',
    intent: 'plan',
    category: [{ coding: [{ system: `${US_CORE}/CodeSystem/careplan-category`, code: 'assess-plan' }] }],
    subject: subjectOf(record),
    period: { start: dateText(record.referenceTime - 300 * DAY) },
    careTeam: [referenceTo(team)],
    addresses: [referenceTo(problem)],
    goal: [referenceTo(goal)],
    activity: [
      {
        detail: {
          code: concept(SYSTEMS.snomed, '226234005', 'Healthy diet'),
          status: 'in-progress',
          description: 'Cut out soda',
        },
      },
    ],
  };
}
