// What the tests of clients and applications share: where the server is, how to have it started anew,
// and tests that end. (Those of applications lie beside this file when they run: build/node.)
import { execFile } from 'node:child_process';
import { test as unbounded } from 'node:test';
import { promisify } from 'node:util';

export const host = process.env.SCDB_HOST;
export const port = Number(process.env.SCDB_PORT);
export const url = `redis://${host}:${port}`;
export const restartServer = (how) => promisify(execFile)(process.env.SCDB_RESTART, [how]);

// One that waits for what never comes fails by its name, long before all are ended from outside.
const HUNG_MS = 240_000;
export const test = (name, body) => unbounded(name, { timeout: HUNG_MS }, body);

// Asks again until the answer is yes.
export async function until(answer) {
    while (!(await answer())) {
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
}
