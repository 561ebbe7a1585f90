import { SYSTEMS, coding, concept, quantity, usCore } from './concepts.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { categoryOf, observation } from './observations.ts';
import { subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody } from './resource.ts';
import { localText } from './times.ts';

const QUESTIONS = [
  ['44250-9', 'Little interest or pleasure in doing things'],
  ['44255-8', 'Feeling down, depressed, or hopeless'],
] as const;

const ANSWERS = [
  ['LA6568-5', 'Not at all'],
  ['LA6569-3', 'Several days'],
  ['LA6570-1', 'More than half the days'],
  ['LA6571-9', 'Nearly every day'],
] as const;

/** PHQ-2: the answers, and the score that follows from them. */
export function* screening(record: MemberRecord, visit: Visit): Generator<ResourceBody> {
  const chosen = QUESTIONS.map(() => record.random.integer(0, ANSWERS.length - 1));
  const response = {
    ...record.newTarget('QuestionnaireResponse'),
    meta: usCore('questionnaireresponse'),
    questionnaire: 'http://loinc.org/q/55757-9',
    status: 'completed',
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    authored: localText(visit.span.start),
    author: subjectOf(record),
    item: QUESTIONS.map(([linkId, text], index) => ({ linkId, text, answer: [answerOf(chosen[index] ?? 0)] })),
  };
  yield response;
  yield observation(record, visit, {
    meta: usCore('observation-screening-assessment'),
    category: categoryOf('survey', 'Survey'),
    code: concept(SYSTEMS.loinc, '55758-7', 'Patient Health Questionnaire 2 item (PHQ-2) total score [Reported]'),
    performer: [referenceTo(visit.clinician, visit.clinician.name)],
    valueQuantity: quantity(`${chosen.reduce((sum, each) => sum + each, 0)}`, 'score', '{score}'),
    derivedFrom: [referenceTo(response)],
  });
}

function answerOf(index: number): JsonObject {
  const [code, display] = ANSWERS[index] ?? ANSWERS[0];
  return { valueCoding: coding(SYSTEMS.loinc, code, display) };
}
