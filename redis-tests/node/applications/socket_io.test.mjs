// Two socket.io servers that reach each other's clients through pub/sub, by way of the server that
// support/with_server has started.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe } from 'node:test';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { host, port, restartServer, test, until } from './support.mjs';

async function startNode() {
    const publisher = new Redis({ host, port });
    const subscriber = publisher.duplicate();
    // A subscription that overtakes the client's own check by INFO is lost.
    await Promise.all([publisher, subscriber].map((each) => once(each, 'ready')));
    const http = createServer();
    const server = new Server(http, { adapter: createAdapter(publisher, subscriber) });
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ['websocket'] });
    await new Promise((resolve) => client.once('connect', resolve));
    const close = async () => {
        client.close();
        await server.close();
        publisher.disconnect();
        subscriber.disconnect();
    };
    return { server, client, close };
}

const told = (client, event) => new Promise((resolve) => client.once(event, resolve));

describe('socket.io with its Redis adapter', () => {
    test('events, rooms and requests cross from one server to the other', async () => {
        const [one, two] = [await startNode(), await startNode()];
        await until(async () => (await one.server.of('/').adapter.serverCount()) === 2);

        const everyone = Promise.all([told(one.client, 'news'), told(two.client, 'news')]);
        one.server.emit('news', { text: 'hello', bytes: Buffer.from([0, 255]) });
        for (const news of await everyone) {
            assert.deepEqual(news, { text: 'hello', bytes: Buffer.from([0, 255]) });
        }

        two.server.socketsJoin('room');
        await until(async () => (await two.server.in('room').fetchSockets()).length === 2);
        const inRoom = told(two.client, 'whisper');
        one.server.to('room').emit('whisper', 'psst');
        assert.equal(await inRoom, 'psst');

        assert.equal((await one.server.fetchSockets()).length, 2);
        two.server.on('ask', (question, answer) => answer(question * 2));
        one.server.on('ask', (question, answer) => answer(question * 2));
        assert.deepEqual(await one.server.serverSideEmitWithAck('ask', 21), [42]);
        await Promise.all([one.close(), two.close()]);
    });

    test('they find each other again after a restart', async () => {
        const [one, two] = [await startNode(), await startNode()];
        await restartServer('kill');
        for (const [from, to] of [
            [one, two],
            [two, one],
        ]) {
            let heard = false;
            to.client.once('news', () => {
                heard = true;
            });
            await until(() => {
                from.server.emit('news', 'again');
                return heard;
            });
        }
        await Promise.all([one.close(), two.close()]);
    });
});
