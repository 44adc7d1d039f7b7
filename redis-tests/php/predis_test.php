#!/usr/bin/php
<?php
// Predis, which is written in PHP itself, against the server that support/with_server has started.
// Closes with "N passed, N failed".

require __DIR__ . '/checks.php';
require 'Predis/Autoloader.php';

use Predis\Client;

Predis\Autoloader::register();

function connect(array $parameters = []): Client
{
    return new Client($parameters + ['scheme' => 'tcp', 'host' => host(), 'port' => port()]);
}

$tests = [];

$tests['sets, gets and deletes'] = function (Client $client) {
    same(null, $client->get('key'));
    same('OK', (string)$client->set('key', 'value', 'EX', 1000, 'NX'));
    same(null, $client->set('key', 'other', 'NX'));
    same('value', $client->get('key'));
    same(1, $client->del(['key', 'other']));
};

$tests['any bytes are keys and values, large ones too'] = function (Client $client) {
    $every = every_byte();
    $client->set($every, $every);
    same($every, $client->get($every));
    $large = str_repeat($every, 20000);
    $client->set('large', $large);
    same(true, $client->get('large') === $large);
};

$tests['a pipeline'] = function (Client $client) {
    $replies = $client->pipeline(function ($pipeline) {
        for ($i = 0; $i < 2000; $i++) {
            $pipeline->set("key:$i", $i);
            $pipeline->get("key:$i");
        }
    });
    same(4000, count($replies));
    same('1999', $replies[3999]);
};

$tests['a transaction that retries after a conflict'] = function (Client $client) {
    $client->set('n', '1');
    $tries = 0;
    $options = ['cas' => true, 'watch' => 'n', 'retry' => 3];
    $replies = $client->transaction($options, function ($transaction) use (&$tries) {
        $n = $transaction->get('n');
        if ($tries++ === 0) {
            connect()->set('n', '10');
        }
        $transaction->multi();
        $transaction->set('n', $n + 1);
    });
    same(2, $tries);
    same('OK', (string)$replies[0]);
    same('11', $client->get('n'));
};

$tests['a conflict without a retry is an exception'] = function (Client $client) {
    $options = ['cas' => true, 'watch' => 'n'];
    throws(Predis\Transaction\AbortedMultiExecException::class, '/aborted/', fn () => $client->transaction(
        $options,
        function ($transaction) {
            $transaction->get('n'); // the first command, before which it sends WATCH
            connect()->set('n', 'changed');
            $transaction->multi();
            $transaction->set('n', 'mine');
        }
    ));
};

$tests['errors are exceptions of its own'] = function (Client $client) {
    $client->set('key', 'text');
    throws(
        Predis\Response\ServerException::class,
        '/^ERR value is not an integer or out of range$/',
        fn () => $client->incr('key')
    );
    same("ERR unknown command 'NONSENSE', with args beginning with: '1' ", $client->executeRaw(['nonsense', '1'], $is_error));
    same(true, $is_error);
};

$tests['an iterator over SCAN'] = function (Client $client) {
    $client->mset(array_fill_keys(array_map(fn ($i) => "key:$i", range(1, 500)), 'x'));
    $found = iterator_to_array(new Predis\Collection\Iterator\Keyspace($client, 'key:*', 17), false);
    same(500, count($found));
    same(500, count(array_unique($found)));
};

$tests['keys expire'] = function (Client $client) {
    $client->set('key', 'value', 'PX', 1000000);
    same(true, $client->pttl('key') > 900000);
    $client->pexpire('key', 20);
    usleep(30000);
    same(null, $client->get('key'));
};

$tests['publish and subscribe'] = function (Client $client) {
    $publisher = connect();
    $got = [];
    $loop = connect(['read_write_timeout' => 60])->pubSubLoop();
    $loop->subscribe('news');
    $loop->psubscribe('w*');
    foreach ($loop as $message) {
        if ($message->kind === 'psubscribe') {
            same(1, $publisher->publish('news', "o\0ne"));
            same(1, $publisher->publish('weather', 'sun'));
        } elseif ($message->kind === 'message' || $message->kind === 'pmessage') {
            $got[] = [$message->channel, $message->payload];
        }
        if (count($got) === 2) {
            $loop->stop();
        }
    }
    same([['news', "o\0ne"], ['weather', 'sun']], $got);
};

$tests['a password and a database in the address'] = function (Client $client) {
    $client->config('SET', 'requirepass', 'secret');
    try {
        throws(Predis\Response\ServerException::class, '/^NOAUTH /', fn () => connect()->get('key'));
        throws(
            Predis\Connection\ConnectionException::class,
            '/AUTH.*WRONGPASS /',
            fn () => connect(['password' => 'wrong'])->get('key')
        );
        $known = new Client('redis://:secret@' . host() . ':' . port() . '/4');
        $known->set('key', 'there');
        same(null, $client->get('key'));
        $client->select(4);
        same('there', $client->get('key'));
    } finally {
        $client->config('SET', 'requirepass', '');
    }
};

$tests['the Unix socket'] = function (Client $client) {
    $local = connect(['scheme' => 'unix', 'path' => environment('SCDB_SOCKET')]);
    $local->set('key', 'value');
    same('value', $client->get('key'));
};

$tests['what the server says of itself'] = function (Client $client) {
    $client->set('key', 'value');
    same(1, preg_match('/^7\./', $client->info()['Server']['redis_version']));
    same(['maxclients' => '10000'], $client->config('GET', 'maxclients'));
};

foreach (['stop', 'kill'] as $how) {
    $tests["data is there after a restart ($how)"] = function (Client $client) use ($how) {
        $client->set('key', 'kept');
        restart_server($how);
        throws(Predis\Connection\ConnectionException::class, '/./', fn () => $client->get('key'));
        same('kept', $client->get('key')); // the next call connects again
    };
}

run_tests($tests, 'connect');
