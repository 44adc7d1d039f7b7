// An express application that keeps its sessions with connect-redis, against the server that
// support/with_server has started.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe } from 'node:test';
import { promisify } from 'node:util';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { restartServer, test, url } from './support.mjs';

describe('sessions of express', () => {
    let client, store, listener, address;

    before(async () => {
        client = await createClient({ url }).on('error', () => {}).connect();
        store = new RedisStore({ client, prefix: 'shop:', ttl: 1000 });
        const application = express();
        application.use(session({ store, secret: 'cat', resave: false, saveUninitialized: false }));
        application.get('/visit', (request, response) => {
            request.session.visits = (request.session.visits ?? 0) + 1;
            response.json(request.session.visits);
        });
        application.get('/leave', (request, response, next) => {
            request.session.destroy((error) => (error ? next(error) : response.json('bye')));
        });
        listener = application.listen(0, '127.0.0.1');
        await new Promise((resolve) => listener.once('listening', resolve));
        address = `http://127.0.0.1:${listener.address().port}`;
    });
    after(async () => {
        listener.closeAllConnections();
        listener.close();
        await client.close();
    });
    beforeEach(async () => {
        await client.flushAll();
    });

    // A browser: it keeps the cookie that it is given.
    const browser = () => {
        let cookie;
        return async (path) => {
            const response = await fetch(address + path, { headers: cookie ? { cookie } : {} });
            cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
            return response.json();
        };
    };

    test('visitors are told apart and remembered', async () => {
        const [one, two] = [browser(), browser()];
        assert.equal(await one('/visit'), 1);
        assert.equal(await one('/visit'), 2);
        assert.equal(await two('/visit'), 1);
        assert.equal(await one('/visit'), 3);
        assert.equal((await client.keys('shop:*')).length, 2);
    });

    test('a session expires', async () => {
        await browser()('/visit');
        const [key] = await client.keys('*');
        assert.ok((await client.ttl(key)) > 900);
    });

    test('a session that is left is gone', async () => {
        const one = browser();
        await one('/visit');
        assert.equal(await one('/leave'), 'bye');
        assert.equal(await client.dbSize(), 0);
        assert.equal(await one('/visit'), 1);
    });

    test('all sessions are counted, listed and cleared', async () => {
        await Promise.all(Array.from({ length: 250 }, () => browser()('/visit')));
        await client.set('other', 'stays');
        assert.equal(await promisify(store.length).call(store), 250);
        assert.equal((await promisify(store.ids).call(store)).length, 250);
        const all = await promisify(store.all).call(store);
        assert.ok(all.length === 250 && all.every((one) => one.visits === 1));
        await promisify(store.clear).call(store);
        assert.deepEqual(await client.keys('*'), ['other']);
    });

    test('visitors are remembered after a restart of the server', async () => {
        const one = browser();
        assert.equal(await one('/visit'), 1);
        await restartServer('kill');
        assert.equal(await one('/visit'), 2);
        await restartServer('stop');
        assert.equal(await one('/visit'), 3);
    });
});
