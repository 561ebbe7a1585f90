/** One member's export, read by nothing but `fetch`. */
export async function plainExport(fhirUrl: string, patientId: string): Promise<readonly string[]> {
  const kickOff = await fetch(`${fhirUrl}/Patient/$export`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', accept: 'application/fhir+json', prefer: 'respond-async' },
    body: JSON.stringify({
      resourceType: 'Parameters',
      parameter: [{ name: 'patient', valueReference: { reference: `Patient/${patientId}` } }],
    }),
  });
  if (kickOff.status !== 202) throw new Error(`kick-off: ${kickOff.status} ${await kickOff.text()}`);
  const manifest = await complete(kickOff.headers.get('content-location') ?? '');
  const lines: string[] = [];
  for (const { url } of manifest.output) {
    const file = await fetch(url, { headers: { accept: 'application/fhir+ndjson' } });
    lines.push(...(await file.text()).split('\n').filter((line) => line !== ''));
  }
  return lines;
}

interface Manifest {
  readonly output: readonly { readonly type: string; readonly url: string }[];
}

async function complete(statusUrl: string): Promise<Manifest> {
  for (;;) {
    const answer = await fetch(statusUrl, { headers: { accept: 'application/json' } });
    if (answer.status === 200) return (await answer.json()) as Manifest;
    if (answer.status !== 202) throw new Error(`status: ${answer.status} ${await answer.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
