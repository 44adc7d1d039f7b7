// node-redis 4, whose calls differ from those of 5, against the server that support/with_server has
// started.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe } from 'node:test';
import { commandOptions, createClient, ErrorReply, WatchError } from 'redis-4';
import { host, port, restartServer, test, until } from './support.mjs';

const socket = { host, port };

describe('node-redis 4', () => {
    let client;

    before(async () => {
        client = await createClient({ socket, name: 'tests' }).on('error', () => {}).connect();
    });
    after(async () => {
        await client.quit();
    });
    beforeEach(async () => {
        await client.flushAll();
    });

    test('sets, gets and deletes', async () => {
        assert.equal(await client.clientGetName(), 'tests');
        assert.equal(await client.get('key'), null);
        assert.equal(await client.set('key', 'value', { NX: true, EX: 1000 }), 'OK');
        assert.equal(await client.set('key', 'other', { NX: true }), null);
        assert.equal(await client.set('key', 'other', { XX: true, KEEPTTL: true, GET: true }), 'value');
        assert.ok((await client.ttl('key')) > 900);
        assert.equal(await client.del(['key', 'nothing']), 1);
    });

    test('values hold any byte', async () => {
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
        await client.set(bytes, bytes);
        assert.deepEqual(await client.get(commandOptions({ returnBuffers: true }), bytes), bytes);
        const large = Buffer.alloc(3_000_000, bytes);
        await client.set('large', large);
        assert.ok((await client.get(commandOptions({ returnBuffers: true }), 'large')).equals(large));
    });

    test('commands sent at once are answered in order', async () => {
        const replies = await Promise.all(Array.from({ length: 5000 }, () => client.incr('n')));
        assert.deepEqual(replies, Array.from({ length: 5000 }, (_, i) => i + 1));
    });

    test('a transaction, and one that meets a conflict', async () => {
        assert.deepEqual(await client.multi().set('a', '1').incr('a').get('a').exec(), ['OK', 2, '2']);
        const conflict = client.executeIsolated(async (isolated) => {
            await isolated.watch('a');
            await client.set('a', 'changed');
            return isolated.multi().set('a', 'mine').exec();
        });
        await assert.rejects(conflict, WatchError);
        assert.equal(await client.get('a'), 'changed');
    });

    test('errors are of its own class', async () => {
        await client.set('key', 'x');
        await assert.rejects(client.incr('key'), ErrorReply);
        await assert.rejects(client.sendCommand(['nonsense']), /unknown command 'nonsense'/);
    });

    test('a scan finds every key once', async () => {
        await client.mSet(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key:${i}`, 'x'])));
        const found = [];
        for await (const key of client.scanIterator({ MATCH: 'key:*', COUNT: 37 })) {
            found.push(key);
        }
        assert.equal(found.length, 1000);
        assert.equal(new Set(found).size, 1000);
    });

    test('a password, a user and a database', async () => {
        await client.sendCommand(['ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all']);
        const known = await createClient({ url: `redis://app:secret@${host}:${port}/4` }).connect();
        await known.set('key', 'there');
        assert.equal(await client.get('key'), null);
        await known.quit();
        const refused = { ...socket, reconnectStrategy: false };
        const strange = createClient({ socket: refused, username: 'app', password: 'wrong' }).on('error', () => {});
        await assert.rejects(strange.connect(), /WRONGPASS/);
        assert.equal(await client.sendCommand(['ACL', 'DELUSER', 'app']), 1);
    });

    test('a subscriber, a database and what is stored survive a restart', async () => {
        for (const how of ['stop', 'kill']) {
            const other = await createClient({ socket, database: 3 }).on('error', () => {}).connect();
            const subscriber = await client.duplicate().on('error', () => {}).connect();
            const heard = [];
            await subscriber.subscribe('news', (message) => heard.push(message));
            await subscriber.pSubscribe('n?ws', (message) => heard.push(message));
            await other.set('key', how);
            await restartServer(how);
            assert.equal(await other.get('key'), how);
            await until(async () => (await client.publish('news', 'again')) === 2);
            await until(() => heard.length >= 2);
            assert.ok(heard.every((message) => message === 'again'));
            await Promise.all([other.quit(), subscriber.quit()]);
        }
    });
});
