<?php
// What the PHP tests share: tests by name, run one after the other on an empty server, and counted.

function environment(string $name): string
{
    $value = getenv($name);
    if ($value === false) {
        fwrite(STDERR, "$name is not set: run this under with_server\n");
        exit(2);
    }
    return $value;
}

function host(): string
{
    return environment('SCDB_HOST');
}

function port(): int
{
    return (int)environment('SCDB_PORT');
}

function same($wanted, $got, string $what = 'value'): void
{
    if ($wanted !== $got) {
        throw new UnexpectedValueException("$what: wanted " . shown($wanted) . ', got ' . shown($got));
    }
}

function shown($value): string
{
    $text = var_export($value, true);
    return strlen($text) > 300 ? substr($text, 0, 300) . '...' : $text;
}

// The action must end in an exception of the class, with a message that matches.
function throws(string $class, string $pattern, callable $action): void
{
    try {
        $action();
    } catch (Throwable $thrown) {
        same(true, $thrown instanceof $class, get_class($thrown) . " is a $class");
        same(1, preg_match($pattern, $thrown->getMessage()), "\"{$thrown->getMessage()}\" matches $pattern");
        return;
    }
    throw new UnexpectedValueException("no $class was thrown");
}

function restart_server(string $how): void
{
    passthru(environment('SCDB_RESTART') . ' ' . escapeshellarg($how), $code);
    same(0, $code, 'code of restart_server');
}

function every_byte(): string
{
    return implode('', array_map('chr', range(0, 255)));
}

// Runs the tests, each with what $connect returns, after $connect()->flushall().
function run_tests(array $tests, callable $connect): void
{
    $passed = $failed = 0;
    foreach ($tests as $name => $test) {
        try {
            $client = $connect();
            $client->flushall();
            $test($client);
            $passed++;
        } catch (Throwable $thrown) {
            $failed++;
            echo "FAIL $name: ", get_class($thrown), ': ', $thrown->getMessage(),
                ' (', basename($thrown->getFile()), ':', $thrown->getLine(), ")\n";
        }
    }
    echo "$passed passed, $failed failed\n";
    exit($failed === 0 ? 0 : 1);
}
