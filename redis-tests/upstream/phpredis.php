<?php
// One test of phpredis's own, by its name: phpredis.php NAME, in the folder of its tests. Prints what
// became of it.

define('PHPREDIS_TESTRUN', true);
$_SERVER['PHP_SELF'] = getcwd() . '/TestRedis.php';
error_reporting(0);
require 'RedisTest.php';

$name = $argv[1];
$test = new Redis_Test(getenv('SCDB_HOST'), (int)getenv('SCDB_PORT'), null);
TestSuite::flagColorization(false);
try {
    $test->setUp();
    $test->$name();
    echo Redis_Test::$errors ? 'FAILED ' . Redis_Test::$errors[0] : "PASSED\n";
} catch (TestSkippedException $skipped) {
    echo "SKIPPED\n";
} catch (Throwable $thrown) {
    echo 'FAILED ', $thrown->getMessage(), "\n";
}
