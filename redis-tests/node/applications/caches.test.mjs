// cache-manager with its Redis store (Keyv's), and Keyv by itself, against the server that
// support/with_server has started.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import KeyvRedis from '@keyv/redis';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { createClient } from 'redis';
import { restartServer, test, until, url } from './support.mjs';

describe('caches', () => {
    let client, store, keyv, cache;

    before(async () => {
        client = await createClient({ url }).on('error', () => {}).connect();
    });
    after(async () => {
        await client.close();
    });
    beforeEach(async () => {
        await client.flushAll();
    });

    const open = (options) => {
        keyv = new Keyv({ store: new KeyvRedis(url), ...options });
        keyv.on('error', () => {});
        keyv.store.on('error', () => {});
        store = keyv.store;
        cache = createCache({ stores: [keyv] });
    };
    const close = () => store.disconnect();

    test('cache-manager sets, gets and deletes', async () => {
        open();
        const value = { list: [1, 2.5, null], text: 'grüße' };
        assert.deepEqual(await cache.set('key', value), value);
        assert.deepEqual(await cache.get('key'), value);
        await cache.del('key');
        assert.equal(await cache.get('key'), undefined);
        assert.equal(await client.dbSize(), 0);
        await close();
    });

    test('what is cached expires', async () => {
        open({ namespace: 'app' });
        await cache.set('long', 'value', 1_000_000);
        assert.ok((await client.pTTL((await client.keys('*'))[0])) > 900_000);
        await cache.set('short', 'value', 30);
        await sleep(40);
        assert.equal(await cache.get('short'), undefined);
        assert.equal(await cache.get('long'), 'value');
        await close();
    });

    test('wrap computes once', async () => {
        open();
        let computed = 0;
        const compute = async () => ++computed;
        const values = await Promise.all([1, 2, 3].map(() => cache.wrap('key', compute, 1_000_000)));
        assert.deepEqual(values, [1, 1, 1]);
        assert.equal(await cache.wrap('key', compute, 1_000_000), 1);
        await close();
    });

    test('many at once', async () => {
        open({ namespace: 'app' });
        const list = Array.from({ length: 200 }, (_, i) => ({ key: `key:${i}`, value: i, ttl: 1_000_000 }));
        await cache.mset(list);
        const keys = list.map(({ key }) => key);
        assert.deepEqual(
            await cache.mget(keys),
            list.map(({ value }) => value),
        );
        await cache.mdel(keys.slice(0, 100));
        assert.equal(await client.dbSize(), 100);
        await close();
    });

    test('clear takes its own namespace only', async () => {
        open({ namespace: 'app' });
        await cache.mset(Array.from({ length: 500 }, (_, i) => ({ key: `key:${i}`, value: i })));
        await client.set('not the cache', 'stays');
        await cache.clear();
        assert.deepEqual(await client.keys('*'), ['not the cache']);
        await close();
    });

    test('an iterator over what is cached', async () => {
        open({ namespace: 'app' });
        await keyv.set('a', 1);
        await keyv.set('b', 2);
        const found = {};
        for await (const [key, value] of keyv.iterator('app')) {
            found[key] = value;
        }
        assert.deepEqual(found, { a: 1, b: 2 });
        await close();
    });

    test('what is cached is there after a restart', async () => {
        open();
        for (const how of ['stop', 'kill']) {
            await cache.set('key', how, 1_000_000);
            await restartServer(how);
            await until(async () => (await cache.get('key')) === how);
        }
        await close();
    });
});
