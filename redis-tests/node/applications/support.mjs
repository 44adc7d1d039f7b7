// What the tests of applications share: where the server is, and how to have it started anew.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export const host = process.env.SCDB_HOST;
export const port = Number(process.env.SCDB_PORT);
export const url = `redis://${host}:${port}`;
export const restartServer = (how) => promisify(execFile)(process.env.SCDB_RESTART, [how]);

// Asks again until the answer is yes.
export async function until(answer) {
    while (!(await answer())) {
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
}
