#!/usr/bin/php
<?php
// phpredis (the extension of php-redis) against the server that support/with_server has started.
// Closes with "N passed, N failed".

require __DIR__ . '/checks.php';

// Before the first word is printed, after which PHP lets none of these be set.
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', 'tcp://' . host() . ':' . port());
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ob_start();

function connect(): Redis
{
    $client = new Redis();
    $client->connect(host(), port(), 60.0);
    return $client;
}

// A subscriber blocks in PHP, so what publishes to it is a process of its own, which goes on until
// one is there to hear it.
function publish_later(string $channel, array $messages): void
{
    $pid = pcntl_fork();
    if ($pid !== 0) {
        return;
    }
    $publisher = connect();
    foreach ($messages as $message) {
        for ($tries = 0; $tries < 6000 && $publisher->publish($channel, $message) === 0; $tries++) {
            usleep(10000);
        }
    }
    posix_kill(posix_getpid(), SIGKILL); // leaves alone what it shares with its parent
}

// Of some replies this extension keeps the words with a byte more than they have.
function last_error(Redis $client): string
{
    return rtrim($client->getLastError(), "\0");
}

$tests = [];

$tests['says pong and echoes'] = function (Redis $client) {
    same(true, $client->ping());
    same('hello', $client->ping('hello'));
    same("a\0b", $client->echo("a\0b"));
};

$tests['sets, gets and deletes'] = function (Redis $client) {
    same(false, $client->get('key'));
    same(true, $client->set('key', 'value'));
    same('value', $client->get('key'));
    same(1, $client->exists('key', 'other'));
    same(1, $client->del('key', 'other'));
    same(0, $client->exists('key'));
};

$tests['set has its options'] = function (Redis $client) {
    same(true, $client->set('key', '1', ['nx', 'ex' => 1000]));
    same(false, $client->set('key', '2', ['nx']));
    same(true, $client->set('key', '3', ['xx', 'px' => 1000000]));
    same(true, $client->pttl('key') > 900000);
    same(true, $client->set('key', '4', ['KEEPTTL']));
    same(true, $client->ttl('key') > 900);
    same(true, $client->persist('key'));
    same(-1, $client->ttl('key'));
};

$tests['any bytes are keys and values'] = function (Redis $client) {
    $every = every_byte();
    same(true, $client->set($every, $every));
    same($every, $client->get($every));
    same(true, $client->set('', ''));
    same('', $client->get(''));
};

$tests['large values'] = function (Redis $client) {
    $value = str_repeat(every_byte(), 20000);
    same(true, $client->set('large', $value));
    same(true, $client->get('large') === $value);
    same(strlen($value), $client->strlen('large'));
    same(substr($value, -10), $client->getRange('large', -10, -1));
    same(strlen($value) + 3, $client->append('large', 'end'));
};

$tests['serialized values'] = function (Redis $client) {
    $client->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
    $client->setOption(Redis::OPT_PREFIX, 'mine:');
    $client->set('key', ['a' => [1, 2.5, null]]);
    same(['a' => [1, 2.5, null]], $client->get('key'));
    same(['mine:key'], connect()->keys('*'));
};

$tests['numbers'] = function (Redis $client) {
    same(42, $client->incrBy('n', 42));
    same(41, $client->decr('n'));
    same(41.5, $client->incrByFloat('n', 0.5));
};

$tests['several keys'] = function (Redis $client) {
    same(true, $client->mset(['a' => '1', 'b' => '2']));
    same(['2', false, '1'], $client->mget(['b', 'nothing', 'a']));
    same(false, $client->msetnx(['a' => '3', 'c' => '4']));
    same(true, $client->rename('a', 'd'));
    same(2, $client->unlink(['b', 'd']));
};

$tests['an error is false, and its words are kept'] = function (Redis $client) {
    $client->set('key', 'text');
    same(false, $client->incr('key'));
    same('ERR value is not an integer or out of range', last_error($client));
    $client->clearLastError();
    same(false, $client->rawCommand('nonsense', '1'));
    same("ERR unknown command 'nonsense', with args beginning with: '1' ", last_error($client));
    same(true, $client->ping());
};

$tests['a pipeline'] = function (Redis $client) {
    $pipeline = $client->pipeline();
    for ($i = 0; $i < 5000; $i++) {
        $pipeline->set("key:$i", "value:$i")->get("key:$i");
    }
    $replies = $pipeline->exec();
    same(10000, count($replies));
    same([true, 'value:4999'], array_slice($replies, -2));
};

$tests['a transaction'] = function (Redis $client) {
    same([true, 2, '2'], $client->multi()->set('a', '1')->incr('a')->get('a')->exec());
    $client->multi()->set('b', '1');
    same(true, $client->discard());
    same(0, $client->exists('b'));
};

$tests['watch'] = function (Redis $client) {
    $client->watch('key');
    connect()->set('key', 'changed');
    same(false, $client->multi()->set('key', 'mine')->exec());
    same('changed', $client->get('key'));
    $client->watch('key');
    $client->unwatch();
    connect()->set('key', 'again');
    same([true], $client->multi()->set('key', 'mine')->exec());
};

$tests['a scan finds every key once'] = function (Redis $client) {
    $client->mset(array_fill_keys(array_map(fn ($i) => "key:$i", range(1, 1000)), 'x'));
    $client->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $cursor = null;
    $found = [];
    while ($keys = $client->scan($cursor, 'key:*', 37)) {
        array_push($found, ...$keys);
    }
    same(1000, count($found));
    same(1000, count(array_unique($found)));
};

$tests['keys expire'] = function (Redis $client) {
    $client->psetex('key', 1000000, 'value');
    same('value', $client->get('key'));
    same(true, $client->pExpire('key', 20));
    usleep(30000);
    same(false, $client->get('key'));
    same(-2, $client->ttl('key'));
    $client->set('key', 'value');
    same(true, $client->expireAt('key', 4102444800));
    same('4102444800', (string)$client->rawCommand('EXPIRETIME', 'key'));
};

$tests['databases'] = function (Redis $client) {
    $other = connect();
    same(true, $other->select(5));
    $other->set('key', 'there');
    same(false, $client->get('key'));
    same(true, $other->move('key', 0));
    same('there', $client->get('key'));
    same(false, $client->select(99));
    same('ERR DB index is out of range', last_error($client));
};

$tests['bits and estimates'] = function (Redis $client) {
    same(0, $client->setBit('bits', 7, true));
    same(1, $client->bitCount('bits'));
    same(7, $client->bitpos('bits', 1));
    same(1, $client->pfAdd('estimate', ['a', 'b', 'c']));
    same(3, $client->pfCount('estimate'));
};

$tests['dump and restore'] = function (Redis $client) {
    $client->set('key', every_byte());
    same(true, $client->restore('copy', 0, $client->dump('key')));
    same(every_byte(), $client->get('copy'));
};

// What a subscriber hears. It ends by closing: the loop of this extension has no other way out.
function heard(int $count, callable $subscribe): array
{
    $got = [];
    try {
        $subscribe(function ($redis, ...$message) use (&$got, $count) {
            $got[] = $message;
            if (count($got) === $count) {
                $redis->close();
            }
        });
    } catch (RedisException $closed) {
    }
    return $got;
}

$tests['publish and subscribe'] = function (Redis $client) {
    publish_later('news', ['one', "t\0wo"]);
    $got = heard(2, fn ($callback) => connect()->subscribe(['news'], $callback));
    same([['news', 'one'], ['news', "t\0wo"]], $got);
};

$tests['subscribe by pattern'] = function (Redis $client) {
    publish_later('news.sport', ['goal']);
    $got = heard(1, fn ($callback) => connect()->psubscribe(['news.*'], $callback));
    same([['news.*', 'news.sport', 'goal']], $got);
};

$tests['the Unix socket'] = function (Redis $client) {
    $local = new Redis();
    $local->connect(environment('SCDB_SOCKET'));
    $local->set('key', 'value');
    same('value', $client->get('key'));
};

$tests['a password'] = function (Redis $client) {
    $client->config('SET', 'requirepass', 'secret');
    try {
        throws(RedisException::class, '/^NOAUTH /', fn () => connect()->get('key'));
        throws(RedisException::class, '/^WRONGPASS /', fn () => connect()->auth('wrong'));
        $known = connect();
        same(true, $known->auth('secret'));
        same(true, $known->ping());
        $named = connect();
        same(true, $named->auth(['default', 'secret']));
        same(true, $named->ping());
    } finally {
        $client->config('SET', 'requirepass', '');
    }
};

$tests['a user who may not do everything'] = function (Redis $client) {
    $client->rawCommand('ACL', 'SETUSER', 'reader', 'on', '>pass', '~public:*', '+get', '+ping');
    try {
        $reader = connect();
        same(true, $reader->auth(['reader', 'pass']));
        same(false, $reader->get('public:key'));
        same(null, $reader->getLastError());
        throws(RedisException::class, '/^NOPERM /', fn () => $reader->set('public:key', 'x'));
        throws(RedisException::class, '/^NOPERM /', fn () => $reader->get('private'));
    } finally {
        $client->rawCommand('ACL', 'DELUSER', 'reader');
    }
};

$tests['what the server says of itself'] = function (Redis $client) {
    $client->set('key', 'value');
    same(1, preg_match('/^7\.\d+\.\d+$/', $client->info()['redis_version']));
    same(['maxclients' => '10000'], $client->config('GET', 'maxclients'));
    same(1, $client->dbSize());
    same(Redis::REDIS_STRING, $client->type('key'));
    same(true, $client->client('setname', 'php'));
    same('php', $client->client('getname'));
    same(2, count($client->time()));
};

$tests['sessions of PHP itself'] = function (Redis $client) {
    session_id('abc123');
    session_start();
    $_SESSION['cart'] = ['apples' => 3];
    session_write_close();
    same(true, $client->ttl('PHPREDIS_SESSION:abc123') > 0);
    $_SESSION = [];
    session_start();
    same(['apples' => 3], $_SESSION['cart']);
    session_destroy();
    same(0, $client->exists('PHPREDIS_SESSION:abc123'));
};

foreach (['stop', 'kill'] as $how) {
    $tests["comes back after a restart ($how)"] = function (Redis $client) use ($how) {
        $client->select(3);
        $client->set('key', 'kept');
        restart_server($how);
        same('kept', $client->get('key')); // connects anew, and selects its database again
        same(3, $client->getDbNum());
    };
}

run_tests($tests, 'connect');
