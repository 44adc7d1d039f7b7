// rate-limiter-flexible, as far as it goes without scripts, with ioredis and node-redis, against the
// server that support/with_server has started. Points that come back by themselves (consume with a
// duration) are counted by a script, which scdb does not run yet; what is used up for good, blocked,
// set and asked for is not.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { host, port, test, url } from './support.mjs';

const clients = {
    ioredis: async () => {
        const client = new Redis({ host, port });
        return { client, options: {}, close: () => client.quit() };
    },
    'node-redis': async () => {
        const client = await createClient({ url }).connect();
        return { client, options: { useRedisPackage: true }, close: () => client.close() };
    },
};

for (const [name, connect] of Object.entries(clients)) {
    describe(`rate-limiter-flexible with ${name}`, () => {
        const limited = async (run) => {
            const { client, options, close } = await connect();
            try {
                await (client.flushall ?? client.flushAll).call(client);
                await run(new RateLimiterRedis({ storeClient: client, points: 3, duration: 0, ...options }));
            } finally {
                await close();
            }
        };

        test('points are used up', () =>
            limited(async (limiter) => {
                assert.equal(await limiter.get('user'), null);
                assert.equal((await limiter.consume('user')).remainingPoints, 2);
                assert.equal((await limiter.consume('user', 2)).remainingPoints, 0);
                await assert.rejects(limiter.consume('user'), { consumedPoints: 4, remainingPoints: 0 });
                assert.equal((await limiter.get('user')).consumedPoints, 4);
                assert.equal((await limiter.reward('user', 2)).consumedPoints, 2);
                assert.equal((await limiter.penalty('user', 5)).consumedPoints, 7);
                assert.equal(await limiter.delete('user'), true);
                assert.equal((await limiter.consume('user')).remainingPoints, 2);
            }));

        test('many at once get no more than there are', () =>
            limited(async (limiter) => {
                const answers = await Promise.allSettled(Array.from({ length: 100 }, () => limiter.consume('user')));
                assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 3);
            }));

        test('who is blocked waits for as long as it was said', () =>
            limited(async (limiter) => {
                await limiter.block('user', 1000);
                const { msBeforeNext } = await limiter.get('user');
                assert.ok(msBeforeNext > 900_000 && msBeforeNext <= 1_000_000);
                await assert.rejects(limiter.consume('user'), (answer) => answer.msBeforeNext > 900_000);
                await limiter.set('other', 2, 1000);
                assert.equal((await limiter.consume('other')).remainingPoints, 0);
            }));
    });
}
