// ioredis against the server that support/with_server has started. IOREDIS names another module to
// test than ioredis, IOREDIS_PROTOCOL the protocol, for versions that know more than one.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { host, port, restartServer, test } from './support.mjs';

const name = process.env.IOREDIS ?? 'ioredis';
const { Redis } = await import(name);
const protocol = process.env.IOREDIS_PROTOCOL ? Number(process.env.IOREDIS_PROTOCOL) : undefined;

// Every client but the one that all tests share is closed after its test, also after one that failed:
// a connection left open keeps the program from ending.
const opened = new Set();
const create = (options) => new Redis({ host, port, protocol, ...options });
const connect = (options = {}) => {
    const client = create(options);
    opened.add(client);
    return client;
};
// SUBSCRIBE is sent as soon as there is a connection, and then fails the check by INFO that the client
// makes before it is ready; it connects anew, and forgets the subscription.
const connectReady = async () => {
    const client = connect();
    await new Promise((resolve) => client.once('ready', resolve));
    return client;
};

describe(`${name}, protocol ${protocol ?? 'as it comes'}`, () => {
    let client;

    before(() => {
        client = create({ connectionName: 'tests' });
    });
    after(async () => {
        assert.equal(await client.quit(), 'OK');
    });
    beforeEach(async () => {
        await client.flushall();
    });
    afterEach(() => {
        opened.forEach((each) => each.disconnect());
        opened.clear();
    });

    test('is ready after its check of INFO', async () => {
        const fresh = await connectReady();
        assert.equal(fresh.status, 'ready');
        assert.equal(await client.client('GETNAME'), 'tests');
    });

    test('sets, gets and deletes', async () => {
        assert.equal(await client.get('key'), null);
        assert.equal(await client.set('key', 'value', 'EXAT', 4102444800, 'NX'), 'OK');
        assert.equal(await client.set('key', 'other', 'NX'), null);
        assert.equal(await client.get('key'), 'value');
        assert.equal(await client.expiretime('key'), 4102444800);
        assert.equal(await client.del('key', 'other'), 1);
    });

    test('values hold any byte', async () => {
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
        await client.set(bytes, bytes);
        assert.deepEqual(await client.getBuffer(bytes), bytes);
        const large = Buffer.alloc(3_000_000, bytes);
        await client.set('large', large);
        assert.ok((await client.getBuffer('large')).equals(large));
    });

    test('a pipeline', async () => {
        const pipeline = client.pipeline();
        for (let i = 0; i < 5000; i++) {
            pipeline.set(`key:${i}`, i).get(`key:${i}`);
        }
        const replies = await pipeline.exec();
        assert.equal(replies.length, 10000);
        replies.forEach(([error, reply], i) => {
            assert.equal(error, null);
            assert.equal(reply, i % 2 ? String((i - 1) / 2) : 'OK');
        });
    });

    test('pipelines that write themselves', async () => {
        const automatic = connect({ enableAutoPipelining: true });
        await Promise.all(Array.from({ length: 2000 }, () => automatic.incr('n')));
        assert.equal(await automatic.get('n'), '2000');
    });

    test('a transaction', async () => {
        assert.deepEqual(await client.multi().set('a', 1).incr('a').get('a').exec(), [
            [null, 'OK'],
            [null, 2],
            [null, '2'],
        ]);
    });

    test('a transaction that could not be queued', async () => {
        await assert.rejects(client.multi().set('a').exec(), /EXECABORT/);
    });

    test('watch', async () => {
        const other = connect();
        await client.watch('key');
        await other.set('key', 'changed');
        assert.equal(await client.multi().set('key', 'mine').exec(), null);
        assert.equal(await client.get('key'), 'changed');
    });

    test('errors keep their words', async () => {
        await client.set('key', 'x');
        await assert.rejects(client.incr('key'), /^ReplyError: ERR value is not an integer or out of range$/);
        await assert.rejects(client.call('nonsense', '1'), /unknown command/);
    });

    test('keys expire', async () => {
        await client.psetex('key', 1000000, 'value');
        assert.equal(await client.get('key'), 'value');
        await client.psetex('key', 30, 'value');
        await sleep(40);
        assert.equal(await client.get('key'), null);
    });

    test('a scan stream finds every key once', async () => {
        await client.mset(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key:${i}`, 'x'])));
        const found = [];
        for await (const keys of client.scanStream({ match: 'key:*', count: 37 })) {
            found.push(...keys);
        }
        assert.equal(found.length, 1000);
        assert.equal(new Set(found).size, 1000);
    });

    test('databases and prefixes', async () => {
        const other = connect({ db: 5, keyPrefix: 'mine:' });
        await other.set('key', 'there');
        assert.equal(await client.get('mine:key'), null);
        await client.select(5);
        assert.equal(await client.get('mine:key'), 'there');
        await client.select(0);
    });

    test('the Unix socket', async () => {
        const local = connect({ path: process.env.SCDB_SOCKET });
        await local.set('key', 'value');
        assert.equal(await client.get('key'), 'value');
    });

    test('a password where none is asked for is a warning only', async () => {
        const eager = connect({ password: 'needless' });
        eager.on('error', () => {});
        assert.equal(await eager.ping(), 'PONG');
    });

    test('a password', async () => {
        await client.config('SET', 'requirepass', 'secret');
        try {
            const known = connect({ password: 'secret' });
            assert.equal(await known.ping(), 'PONG');
            const strange = connect({ retryStrategy: null });
            strange.on('error', () => {});
            await assert.rejects(strange.get('key'));
        } finally {
            await client.config('SET', 'requirepass', '');
        }
    });

    test('publish and subscribe', async () => {
        const subscriber = await connectReady();
        assert.equal(await subscriber.subscribe('news', 'other'), 2);
        assert.equal(await subscriber.psubscribe('w*'), 3);
        const told = [];
        const all = new Promise((resolve) => {
            const keep = (...message) => told.push(message.map(String)) === 3 && resolve();
            subscriber.on('messageBuffer', keep);
            subscriber.on('pmessageBuffer', keep);
        });
        assert.equal(await client.publish('news', 'one'), 1);
        assert.equal(await client.publish('other', 'two'), 1);
        assert.equal(await client.publish('weather', 'sun'), 1);
        await all;
        assert.deepEqual(told, [
            ['news', 'one'],
            ['other', 'two'],
            ['w*', 'weather', 'sun'],
        ]);
        assert.equal(await subscriber.unsubscribe('news', 'other'), 1);
        assert.equal(await subscriber.punsubscribe('w*'), 0);
        assert.equal(await subscriber.ping(), 'PONG');
    });

    test('a subscriber, a database and what is stored survive a restart', async () => {
        for (const how of ['stop', 'kill']) {
            const [other, subscriber] = [connect({ db: 3 }), await connectReady()];
            await other.set('key', how);
            await subscriber.subscribe('news');
            const heard = new Promise((resolve) => subscriber.on('message', (...message) => resolve(message)));
            await restartServer(how);
            assert.equal(await other.get('key'), how);
            while ((await client.publish('news', 'again')) === 0) {
                await sleep(10); // the subscriber is on its way back
            }
            assert.deepEqual(await heard, ['news', 'again']);
            other.disconnect();
            subscriber.disconnect();
        }
    });

    test('a connection that is killed comes back by itself', async () => {
        const other = connect();
        const id = await other.client('ID');
        assert.equal(await client.client('KILL', 'ID', id), 1);
        assert.equal(await other.ping(), 'PONG');
        assert.notEqual(await other.client('ID'), id);
    });
});
