import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readDocument, root } from './tables.ts';

const decisions = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => path.posix.join('docs', file));
const documents = ['README.md', 'CONTRIBUTING.md', ...decisions];

/** Source files that a document names by their path, outside of code blocks. */
function namedFiles(text: string): string[] {
  const prose = text.replace(/```[\s\S]*?```/g, '');
  const named = [...prose.matchAll(/`([\w.-]+(?:\/[\w.-]+)+)`/g)].map(([, file]) => file ?? '');
  return named.filter((file) => /^(?:\w+\/.*)?[\w.-]+\.(?:ts|js|cjs|mjs)$/.test(file));
}

describe.each(documents)('%s', (document) => {
  it('links to what is there', () => {
    const links = [...readDocument(document).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link]) => link ?? '');
    const lost = links.filter((link) => !existsSync(path.join(root, path.dirname(document), link)));
    expect(lost).toEqual([]);
  });

  it('names files that are there', () => {
    expect(namedFiles(readDocument(document)).filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});
