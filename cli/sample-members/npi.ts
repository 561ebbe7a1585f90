import type { Random } from './random.ts';

/** A National Provider Identifier whose check digit is right (Luhn over the prefix 80840 and the number). */
export function npiOf(random: Random): string {
  const number = `1${random.digits(8)}`;
  const sum = [...`80840${number}`].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return number + String((10 - (sum % 10)) % 10);
}
