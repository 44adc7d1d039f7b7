#!/usr/bin/perl
# Perl's Redis module, or the one that is named (Redis::Fast), against the server that
# support/with_server has started. Closes with "N passed, N failed".
use strict;
use warnings;

use File::Basename qw(basename);
use Time::HiRes qw(usleep);

my $module = shift // 'Redis';
eval "require $module; 1" or die $@;

my $server     = "$ENV{SCDB_HOST}:$ENV{SCDB_PORT}";
my $every_byte = join '', map {chr} 0 .. 255;
my @tests;

sub connected {
    return $module->new(server => $server, encoding => undef, read_timeout => 60, @_);
}

sub shown {
    my ($value) = @_;
    return 'undef' unless defined $value;
    return length $value > 300 ? substr($value, 0, 300) . '...' : $value;
}

sub same {
    my ($wanted, $got) = @_;
    return if !defined $wanted && !defined $got;
    return if defined $wanted && defined $got && $wanted eq $got;
    my (undef, undef, $line) = caller;
    die 'wanted ' . shown($wanted) . ', got ' . shown($got) . " at line $line\n";
}

# The action must die with words that match.
sub dies {
    my ($pattern, $action) = @_;
    my (undef, undef, $line) = caller;
    die "did not die at line $line\n" if eval { $action->(); 1 };
    die "\"$@\" does not match $pattern at line $line\n" unless $@ =~ $pattern;
    return;
}

sub test {
    push @tests, [@_];
    return;
}

test 'says pong and echoes' => sub {
    my ($redis) = @_;
    same 1, $redis->ping ? 1 : 0;
    same "a\0b", $redis->echo("a\0b");
};

test 'sets, gets and deletes' => sub {
    my ($redis) = @_;
    same undef, $redis->get('key');
    same 'OK', $redis->set(key => 'value');
    same 'value', $redis->get('key');
    same 1, $redis->exists('key');
    same 1, $redis->del('key', 'other');
    same 0, $redis->exists('key');
};

test 'set has its options' => sub {
    my ($redis) = @_;
    same 'OK', $redis->set('key', 'one', 'EX', 1000, 'NX');
    same undef, $redis->set('key', 'two', 'NX');
    same 'OK', $redis->set('key', 'three', 'KEEPTTL');
    same 1, $redis->ttl('key') > 900 ? 1 : 0;
};

test 'any bytes are keys and values, large ones too' => sub {
    my ($redis) = @_;
    $redis->set($every_byte => $every_byte);
    same $every_byte, $redis->get($every_byte);
    $redis->set('', '');
    same '', $redis->get('');
    my $large = $every_byte x 20_000;
    $redis->set(large => $large);
    same 1, $redis->get('large') eq $large ? 1 : 0;
};

test 'numbers and several keys' => sub {
    my ($redis) = @_;
    same 42, $redis->incrby('n', 42);
    same 41, $redis->decr('n');
    same 'OK', $redis->mset(a => 1, b => 2);
    same '2,undef,1', join ',', map { $_ // 'undef' } $redis->mget('b', 'nothing', 'a');
    same 'a,b,n', join ',', sort $redis->keys('*');
};

test 'errors keep their words' => sub {
    my ($redis) = @_;
    $redis->set(key => 'text');
    dies qr/\[incr\] ERR value is not an integer or out of range/, sub { $redis->incr('key') };
    dies qr/ERR unknown command 'NONSENSE', with args beginning with: '1' /, sub { $redis->nonsense(1) };
    same 1, $redis->ping ? 1 : 0;
};

test 'a pipeline' => sub {
    my ($redis) = @_;
    my ($answered, $last) = (0, undef);
    for my $i (1 .. 2000) {
        $redis->set("key:$i", $i, sub { $answered++ });
        $redis->get("key:$i", sub { $last = $_[0]; $answered++ });
    }
    $redis->wait_all_responses;
    same 4000, $answered;
    same 2000, $last;
};

test 'a transaction' => sub {
    my ($redis) = @_;
    same 'OK',     $redis->multi;
    same 'QUEUED', $redis->set('a', 1);
    same 'QUEUED', $redis->incr('a');
    same 'OK,2', join ',', $redis->exec;
};

test 'watch' => sub {
    my ($redis) = @_;
    $redis->watch('key');
    connected()->set(key => 'changed');
    $redis->multi;
    $redis->set(key => 'mine');
    my $reply = $redis->exec;
    same undef, $reply;
    same 'changed', $redis->get('key');
};

test 'a scan finds every key once' => sub {
    my ($redis) = @_;
    $redis->mset(map { ("key:$_", 'x') } 1 .. 1000);
    my ($cursor, %found, $count);
    $cursor = 0;
    do {
        ($cursor, my $keys) = $redis->scan($cursor, MATCH => 'key:*', COUNT => 37);
        $count += @$keys;
        @found{@$keys} = ();
    } while $cursor;
    same 1000, $count;
    same 1000, scalar keys %found;
};

test 'keys expire' => sub {
    my ($redis) = @_;
    $redis->psetex('key', 1_000_000, 'value');
    same 'value', $redis->get('key');
    same 1, $redis->pexpire('key', 20);
    usleep 30_000;
    same undef, $redis->get('key');
    same -2, $redis->ttl('key');
};

test 'databases' => sub {
    my ($redis) = @_;
    my $other = connected();
    $other->select(5);
    $other->set(key => 'there');
    same undef, $redis->get('key');
    same 1, $other->move('key', 0);
    same 'there', $redis->get('key');
    dies qr/ERR DB index is out of range/, sub { $redis->select(99) };
};

test 'publish and subscribe' => sub {
    my ($redis) = @_;
    my ($subscriber, @got) = (connected());
    my $keep = sub { my ($message, $topic) = @_; push @got, "$topic=$message" };
    $subscriber->subscribe('news', 'other', $keep);
    $subscriber->psubscribe('w*', $keep);
    same 1, $redis->publish('news',    "o\0ne");
    same 1, $redis->publish('weather', 'sun');
    $subscriber->wait_for_messages(0.01) until @got >= 2;
    same "news=o\0ne,weather=sun", join ',', @got;
    dies qr/Cannot use command 'get' while in SUBSCRIBE mode/, sub { $subscriber->get('key') };
    $subscriber->unsubscribe('news', 'other', $keep);
    $subscriber->punsubscribe('w*', $keep);
    same 1, $subscriber->ping ? 1 : 0;
};

test 'a password' => sub {
    my ($redis) = @_;
    $redis->config_set('requirepass', 'secret');
    my $ok = eval {
        dies qr/NOAUTH Authentication required/, sub { connected()->get('key') };
        dies qr{WRONGPASS |refused password}, sub { connected(password => 'wrong')->ping };
        same 1, connected(password => 'secret')->ping ? 1 : 0;
        1;
    };
    my $problem = $@;
    connected(password => 'secret')->config_set('requirepass', '');
    die $problem unless $ok;
};

test 'the Unix socket' => sub {
    my ($redis) = @_;
    $module->new(sock => $ENV{SCDB_SOCKET}, encoding => undef)->set(key => 'value');
    same 'value', $redis->get('key');
};

test 'what the server says of itself' => sub {
    my ($redis) = @_;
    same 1, $redis->info->{redis_version} =~ /^7\./ ? 1 : 0;
    same 'maxclients=10000', join '=', $redis->config_get('maxclients');
    same 0, $redis->dbsize;
    same 'OK', $redis->client_setname('perl');
    same 'perl', $redis->client_getname;
};

for my $how (qw(stop kill)) {
    test "comes back after a restart ($how)" => sub {
        my $redis = connected(reconnect => 60, every => 10_000);
        $redis->select(3);
        $redis->set(key => 'kept');
        same 0, system $ENV{SCDB_RESTART}, $how;
        same 'kept', $redis->get('key');    # connects anew, and selects its database again
    };
}

my ($passed, $failed) = (0, 0);
for my $test (@tests) {
    my ($name, $body) = @$test;
    my $redis = connected();
    $redis->flushall;
    if (eval { $body->($redis); 1 }) {
        $passed++;
        next;
    }
    $failed++;
    print "FAIL $name: $@";
}
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
