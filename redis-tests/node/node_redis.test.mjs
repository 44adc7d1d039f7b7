// node-redis against the server that support/with_server has started, in RESP2 and in RESP3.
// NODE_REDIS names another module to test than redis.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { host, port, restartServer, test } from './support.mjs';

const name = process.env.NODE_REDIS ?? 'redis';
const { BasicClientSideCache, createClient, createClientPool, ErrorReply, RESP_TYPES } = await import(name);
const socket = { host, port };
const unixSocket = { path: process.env.SCDB_SOCKET, tls: false };

// Closed after its test, also after one that failed: a connection left open keeps the program from
// ending. Those of tests that came to their end are closed already.
const opened = new Set();
const opening = (client) => {
    opened.add(client);
    return client;
};
const create = (options) => opening(createClient({ socket, ...options }));
const closeOpened = () => {
    [...opened].filter((each) => each.isOpen).forEach((each) => each.destroy());
    opened.clear();
};

for (const RESP of [2, 3]) {
    describe(`node-redis (${name}), RESP${RESP}`, () => {
        let client;

        before(async () => {
            client = createClient({ socket, RESP, name: 'tests' });
            await client.connect();
        });
        after(async () => {
            await client.close();
        });
        beforeEach(async () => {
            await client.flushAll();
        });
        afterEach(closeOpened);

        test('says pong', async () => {
            assert.equal(await client.ping(), 'PONG');
            assert.equal(await client.echo('hello'), 'hello');
            assert.equal(await client.clientGetName(), 'tests');
        });

        test('sets, gets and deletes', async () => {
            assert.equal(await client.get('key'), null);
            assert.equal(await client.set('key', 'value'), 'OK');
            assert.equal(await client.get('key'), 'value');
            assert.equal(await client.exists(['key', 'other']), 1);
            assert.equal(await client.del(['key', 'other']), 1);
            assert.equal(await client.get('key'), null);
        });

        test('set has its options', async () => {
            assert.equal(await client.set('key', '1', { condition: 'NX' }), 'OK');
            assert.equal(await client.set('key', '2', { condition: 'NX' }), null);
            assert.equal(await client.set('key', '3', { GET: true }), '1');
            assert.equal(await client.set('key', '4', { expiration: { type: 'EXAT', value: 4102444800 } }), 'OK');
            assert.equal(await client.expireTime('key'), 4102444800);
            assert.equal(await client.getEx('key', { type: 'PERSIST' }), '4');
            assert.equal(await client.ttl('key'), -1);
        });

        test('values hold any byte', async () => {
            const buffers = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
            const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
            await client.set(bytes, bytes);
            assert.deepEqual(await buffers.get(bytes), bytes);
            const large = Buffer.alloc(3_000_000, bytes);
            await client.set('large', large);
            assert.ok((await buffers.get('large')).equals(large));
        });

        test('commands sent at once are answered in order', async () => {
            const replies = await Promise.all(
                Array.from({ length: 5000 }, (_, i) => [client.set(`key:${i}`, `${i}`), client.incr('n')]).flat(),
            );
            assert.deepEqual(replies.filter((_, i) => i % 2).at(-1), 5000);
            assert.equal(await client.get('key:4999'), '4999');
            assert.equal(await client.dbSize(), 5001);
        });

        test('numbers', async () => {
            assert.equal(await client.incrBy('n', 42), 42);
            assert.equal(await client.decr('n'), 41);
            assert.equal(String(await client.incrByFloat('n', 0.5)), '41.5');
            await assert.rejects(client.incr('n'), /value is not an integer or out of range/);
        });

        test('several keys', async () => {
            await client.mSet({ a: '1', b: '2', c: '3' });
            assert.deepEqual(await client.mGet(['c', 'nothing', 'a']), ['3', null, '1']);
            assert.equal(await client.mSetNX({ a: '5', d: '6' }), 0);
            assert.equal(await client.rename('a', 'e'), 'OK');
            assert.equal(await client.copy('e', 'f'), 1);
            assert.deepEqual((await client.keys('*')).sort(), ['b', 'c', 'e', 'f']);
        });

        test('a transaction', async () => {
            assert.deepEqual(await client.multi().set('a', '1').incr('a').get('a').exec(), ['OK', 2, '2']);
        });

        test('watch', async () => {
            const other = create({ RESP });
            await other.connect();
            await client.watch('key');
            await other.set('key', 'changed');
            await assert.rejects(client.multi().set('key', 'mine').exec(), { name: 'Error' });
            assert.equal(await client.get('key'), 'changed');
            await other.close();
        });

        test('keys expire', async () => {
            await client.set('key', 'value', { expiration: { type: 'PX', value: 1000000 } });
            assert.equal(await client.get('key'), 'value');
            await client.set('key', 'value', { expiration: { type: 'PX', value: 30 } });
            await sleep(40);
            assert.equal(await client.get('key'), null);
            assert.equal(await client.ttl('key'), -2);
        });

        test('a scan finds every key once', async () => {
            await Promise.all(Array.from({ length: 1000 }, (_, i) => client.set(`key:${i}`, 'x')));
            const found = [];
            for await (const keys of client.scanIterator({ MATCH: 'key:*', COUNT: 37 })) {
                found.push(...keys);
            }
            assert.equal(found.length, 1000);
            assert.equal(new Set(found).size, 1000);
        });

        test('databases', async () => {
            const other = create({ RESP, database: 5 });
            await other.connect();
            await other.set('key', 'there');
            assert.equal(await client.get('key'), null);
            await client.swapDb(0, 5);
            assert.equal(await client.get('key'), 'there');
            await other.close();
        });

        test('a pool of clients', async () => {
            const pool = createClientPool({ socket, RESP }, { minimum: 4, maximum: 4 });
            await pool.connect();
            try {
                await Promise.all(Array.from({ length: 400 }, () => pool.incr('n')));
                assert.equal(await pool.get('n'), '400');
            } finally {
                await pool.close();
            }
        });

        test('the Unix socket', async () => {
            const local = create({ socket: unixSocket, RESP });
            await local.connect();
            await local.set('key', 'value');
            assert.equal(await client.get('key'), 'value');
            await local.close();
        });

        test('a password', async () => {
            const strange = create({ socket: { ...socket, reconnectStrategy: false }, RESP });
            strange.on('error', () => {});
            await client.configSet('requirepass', 'secret');
            try {
                await assert.rejects(strange.connect().then(() => strange.ping()), /NOAUTH/);
                const known = create({ RESP, password: 'secret' });
                await known.connect();
                assert.equal(await known.ping(), 'PONG');
                await known.close();
            } finally {
                await client.configSet('requirepass', '');
            }
        });

        test('errors are of its own class', async () => {
            await client.set('key', 'x');
            await assert.rejects(client.incr('key'), ErrorReply);
            await assert.rejects(client.sendCommand(['nonsense']), /unknown command 'nonsense'/);
        });

        test('publish and subscribe', async () => {
            const subscriber = await opening(client.duplicate()).connect();
            const told = [];
            let done;
            const all = new Promise((resolve) => {
                done = resolve;
            });
            const keep = (...message) => told.push(message) === 2 && done();
            await subscriber.subscribe('news', keep);
            await subscriber.pSubscribe('w*', keep);
            assert.equal(await client.publish('news', 'one'), 1);
            assert.equal(await client.publish('weather', 'sun'), 1);
            await all;
            assert.deepEqual(told, [
                ['one', 'news'],
                ['sun', 'weather'],
            ]);
            await subscriber.unsubscribe('news');
            await subscriber.pUnsubscribe('w*');
            assert.equal(await client.publish('news', 'to nobody'), 0);
            await subscriber.close();
        });

        test('a subscriber, a database and what is stored survive a restart', async () => {
            for (const how of ['stop', 'kill']) {
                const other = create({ RESP, database: 3 });
                const subscriber = create({ RESP });
                for (const each of [other, subscriber, client]) {
                    each.on('error', () => {}); // the connection is lost, which is the point
                }
                await Promise.all([other.connect(), subscriber.connect()]);
                await other.set('key', how);
                const heard = new Promise((resolve) => subscriber.subscribe('news', resolve));
                while ((await client.publish('news', 'first')) === 0) {
                    await sleep(10);
                }
                assert.equal(await heard, 'first');
                await restartServer(how);
                assert.equal(await other.get('key'), how);
                const again = new Promise((resolve) => subscriber.subscribe('news', resolve));
                while ((await client.publish('news', 'again')) === 0) {
                    await sleep(10); // the subscriber is on its way back
                }
                assert.equal(await again, 'again');
                await Promise.all([other.close(), subscriber.close()]);
            }
        });

        test('what the server says of itself', async () => {
            assert.match(await client.info('server'), /redis_version:\d+\.\d+\.\d+/);
            assert.equal((await client.configGet('maxclients')).maxclients, '10000');
            assert.equal((await client.role()).role, 'master');
            assert.equal(await client.type('nothing'), 'none');
        });
    });
}

describe(`node-redis (${name}), its cache beside the client`, () => {
    afterEach(closeOpened);

    test('what others change is told and asked for anew', async () => {
        const cache = new BasicClientSideCache({ maxEntries: 100 });
        const client = await create({ RESP: 3, clientSideCache: cache }).connect();
        const other = await create().connect();
        await other.flushAll();
        await other.set('key', 'one');
        assert.equal(await client.get('key'), 'one');
        assert.equal(await client.get('key'), 'one');
        assert.equal(cache.stats().hitCount, 1);
        await other.set('key', 'two');
        while ((await client.get('key')) === 'one') {
            await sleep(5); // what is told is on its way
        }
        assert.equal(await client.get('key'), 'two');
        await other.set('short', 'lived', { expiration: { type: 'PX', value: 40 } });
        while ((await client.get('short')) !== null) {
            await sleep(10); // told when it expires
        }
        await other.flushAll();
        while ((await client.get('key')) !== null) {
            await sleep(5);
        }
        await Promise.all([client.close(), other.close()]);
    });
});
