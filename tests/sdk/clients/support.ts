// Settings and comparisons of the programs that use a generated client.

import { randomBytes } from "node:crypto";

function setting(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`set ${name}`);
  }
  return value;
}

export const url = setting("CUSTOMARY_URL").replace(/\/$/, "");
export const token = setting("CUSTOMARY_TOKEN");
export const entry = setting("CUSTOMARY_ENTRY");
/** An address that no earlier run has used. */
export const email = `client.${randomBytes(4).toString("hex")}@example.test`;

export function equal<T>(what: string, actual: T, expected: T): void {
  if (actual !== expected) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(actual)}`);
  }
}

/** The data of an answer, which must be a success. */
export function data<T>(what: string, answer: { data?: T | undefined; error?: unknown }): NonNullable<T> {
  if (answer.data === undefined || answer.data === null) {
    throw new Error(`${what}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}
