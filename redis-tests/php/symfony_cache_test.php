#!/usr/bin/php
<?php
// Symfony's cache with phpredis and with Predis, against the server that support/with_server has
// started. Closes with "N passed, N failed".

require __DIR__ . '/checks.php';
foreach (['Psr/Cache', 'Psr/Log', 'Symfony/Contracts/Cache', 'Symfony/Component/Cache'] as $library) {
    require_once "$library/autoload.php";
}
require_once 'Predis/Autoloader.php';

use Symfony\Component\Cache\Adapter\RedisAdapter;
use Symfony\Component\Cache\Adapter\TagAwareAdapter;

Predis\Autoloader::register();

function connect(): Redis
{
    $client = new Redis();
    $client->connect(host(), port(), 60.0);
    $client->select(4);
    return $client;
}

$tests = [];

foreach ([Redis::class, Predis\Client::class] as $class) {
    $open = fn () => new RedisAdapter(
        RedisAdapter::createConnection('redis://' . host() . ':' . port() . '/4', ['class' => $class]),
        'app',
        1000
    );

    $tests["$class: a value is computed once, and expires"] = function (Redis $client) use ($open) {
        $cache = $open();
        $computed = 0;
        for ($i = 0; $i < 3; $i++) {
            $value = $cache->get('key', function ($item) use (&$computed) {
                $item->expiresAfter(100);
                return ['computed' => ++$computed, 'bytes' => every_byte()];
            });
            same(['computed' => 1, 'bytes' => every_byte()], $value);
        }
        same(1, $client->dbSize());
        $ttl = $client->ttl($client->keys('*')[0]);
        same(true, $ttl > 90 && $ttl <= 100);
    };

    $tests["$class: many items in one go"] = function (Redis $client) use ($open) {
        $cache = $open();
        $names = array_map(fn ($i) => "key$i", range(0, 499));
        foreach ($names as $i => $name) {
            $cache->saveDeferred($cache->getItem($name)->set($i));
        }
        same(true, $cache->commit());
        $sum = 0;
        foreach ($cache->getItems($names) as $item) {
            $sum += $item->get();
        }
        same(499 * 250, $sum);
        same(true, $cache->deleteItems(['key1', 'key2']));
        same([false, true], [$cache->hasItem('key1'), $cache->hasItem('key3')]);
        same(498, $client->dbSize());
    };

    $tests["$class: clear takes its own namespace only"] = function (Redis $client) use ($open) {
        $cache = $open();
        $client->set('other', 'stays');
        for ($i = 0; $i < 300; $i++) {
            $cache->save($cache->getItem("key$i")->set($i));
        }
        same(true, $cache->clear());
        same(['other'], $client->keys('*'));
    };

    $tests["$class: what has a tag is invalidated with it"] = function (Redis $client) use ($open) {
        $cache = new TagAwareAdapter($open());
        $cache->save($cache->getItem('a')->set(1)->tag(['red']));
        $cache->save($cache->getItem('b')->set(2)->tag(['blue']));
        same(true, $cache->getItem('a')->isHit());
        $cache->invalidateTags(['red']);
        same([false, true], [$cache->getItem('a')->isHit(), $cache->getItem('b')->isHit()]);
    };

    $tests["$class: what is cached is there after a restart"] = function (Redis $client) use ($open) {
        $cache = $open();
        $cache->save($cache->getItem('key')->set('kept'));
        restart_server('kill');
        same('kept', $open()->getItem('key')->get());
    };
}

run_tests($tests, 'connect');
