import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

/** What a newcomer sees: the demonstration with its pages, in a real browser. */
let demo: ChildProcess;
let output = '';
let browser: Browser;
let page: Page;

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

beforeAll(async () => {
  demo = spawn(process.execPath, ['cli/run.mjs', 'demo', '--keep'], { stdio: ['ignore', 'pipe', 'pipe'] });
  demo.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  await until(() => output.includes('Both payers stay up') || demo.exitCode !== null);
  browser = await chromium.launch({ executablePath: PROGRAMS.find(existsSync) ?? '', args: FLAGS });
  page = await browser.newPage({ viewport: { width: 1400, height: 1400 } });
}, 180_000);

afterAll(async () => {
  await browser.close();
  const ended = new Promise((resolve) => demo.once('exit', resolve));
  demo.kill('SIGINT');
  await ended;
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 100));
}

const found = (pattern: RegExp): string => pattern.exec(output)?.[1] ?? '';

describe('the demonstration', () => {
  it('ends with every record of the member at the new payer', () => {
    const [received, added] = found(/\n {2}all ([\d ]+)/)
      .trim()
      .split(/ +/)
      .map(Number);
    expect(received).toBeGreaterThan(3000);
    expect(added).toBe(received);
  });

  it('writes no name of a member to its payers’ logs', () => {
    for (const payer of ['old-payer', 'new-payer']) {
      for (const log of ['postgres.log', 'temporal.log']) {
        const file = `.demo/${payer}/${log}`;
        if (existsSync(file)) expect(readFileSync(file, 'utf8')).not.toMatch(/小明|Nuñez/);
      }
    }
  });
});

describe('the Temporal UI', () => {
  const task = (): string => found(/Task\/(p2p-task-[0-9a-f]+)/);
  const workflow = (): string => `/namespaces/default/workflows/${encodeURIComponent(`exchange/${task()}`)}`;

  it('shows the exchange decoded, with its steps in words', async () => {
    await page.goto(found(/Temporal UI +new payer (http:\S+)/) + workflow());
    await page.getByText('make the records visible').first().waitFor({ timeout: 30_000 });
    const text = await page.locator('body').innerText();
    for (const words of [task(), 'import files 1–', 'Task completed: done', 'tell the responding payer']) {
      expect(text).toContain(words);
    }
  });

  it('shows summary and current details of the run', async () => {
    await page.locator('a[href*="user-metadata"]').first().click();
    // The UI renders Markdown in frames of their own.
    const shown = async (): Promise<string> =>
      (
        await Promise.all(
          page.frames().map((frame) =>
            frame
              .locator('body')
              .innerText()
              .catch(() => ''),
          ),
        )
      ).join('\n');
    const files = found(/in-progress +publish .* files (\d+)\/\d+/);
    expect(Number(files)).toBeGreaterThan(20);
    for (const words of ['Payer-to-payer exchange with payer 1', 'Step: done', `Files: ${files}`]) {
      for (let text = await shown(); !text.includes(words); text = await shown()) await page.waitForTimeout(200);
    }
  });
});

describe('the Swagger UI', () => {
  it('executes a request with the operator’s token', async () => {
    await page.goto(found(/P2P API +(http:\S+)/));
    await page.getByRole('button', { name: 'Authorize' }).click();
    await page.locator('.auth-container input').fill(await token());
    await page.locator('.auth-btn-wrapper button.authorize').click();
    await page.locator('.auth-btn-wrapper button.btn-done').click();
    await page.locator('.opblock-get', { hasText: '/api/oidc_servers' }).first().click();
    await page.getByRole('button', { name: 'Try it out' }).click();
    await page.getByRole('button', { name: 'Execute' }).click();
    await page.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor({ timeout: 30_000 });
    expect(await page.locator('.live-responses-table').innerText()).toContain('Meadowlark Health Plan');
  });
});

async function token(): Promise<string> {
  const kept = (name: string): string => readFileSync(`.demo/new-payer/${name}`, 'utf8').trim();
  const credentials = Buffer.from(`${kept('admin-client-id')}:${kept('admin-client-secret')}`).toString('base64');
  const response = await fetch(`${new URL(found(/new payer (http:\S+)\/fhir/)).origin}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'carryover.admin' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
