import { describe, expect, it } from '@jest/globals';
import { createLogger } from '../../logger.ts';

function collect(level: 'info' | 'warn'): { lines: unknown[]; logger: ReturnType<typeof createLogger> } {
  const lines: unknown[] = [];
  const logger = createLogger(level, (line) => lines.push(JSON.parse(line)));
  return { lines, logger };
}

describe('the logger', () => {
  it('writes the event, its level, the time and allowed fields', () => {
    const { lines, logger } = collect('info');
    logger.info('exchange.step', { taskId: 'p2p-task-1', count: 3 });
    expect(lines).toEqual([
      { time: expect.any(String), level: 'info', event: 'exchange.step', taskId: 'p2p-task-1', count: 3 },
    ]);
  });

  it('drops a field that is not on the list', () => {
    const { lines, logger } = collect('info');
    logger.info('exchange.step', { family: 'Sentinel', authorization: 'Bearer sentinel' });
    expect(JSON.stringify(lines)).not.toMatch(/sentinel/i);
  });

  it('drops an object under an allowed name', () => {
    const { lines, logger } = collect('info');
    logger.info('exchange.step', { status: { family: 'Sentinel' } });
    expect(JSON.stringify(lines)).not.toContain('Sentinel');
  });

  it('keeps of an error its class and code, not its message', () => {
    const { lines, logger } = collect('info');
    logger.error('exchange.failed', { error: Object.assign(new TypeError('Sentinel'), { code: 'ECONNREFUSED' }) });
    expect(lines).toEqual([expect.objectContaining({ errorName: 'TypeError:ECONNREFUSED' })]);
    expect(JSON.stringify(lines)).not.toContain('Sentinel');
  });

  it('leaves out what is below its level', () => {
    const { lines, logger } = collect('warn');
    logger.info('not.written');
    logger.warn('written');
    expect(lines).toEqual([expect.objectContaining({ event: 'written' })]);
  });
});
