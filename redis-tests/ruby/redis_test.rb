#!/usr/bin/ruby
# frozen_string_literal: true

# redis-rb against the server that support/with_server has started. Closes with "N passed, N failed".

require_relative 'checks'

test 'says pong and echoes' do |redis|
  same 'PONG', redis.ping
  same "a\0b", redis.echo("a\0b")
end

test 'sets, gets and deletes' do |redis|
  same nil, redis.get('key')
  same 'OK', redis.set('key', 'value')
  same 'value', redis.get('key')
  same true, redis.exists?('key')
  same 1, redis.del('key', 'other')
  same nil, redis.getdel('key')
end

test 'set has its options' do |redis|
  same true, redis.set('key', '1', nx: true, ex: 1000)
  same false, redis.set('key', '2', nx: true)
  same '1', redis.set('key', '3', keepttl: true, get: true)
  same true, redis.ttl('key') > 900
  same '3', redis.getex('key', persist: true)
  same(-1, redis.ttl('key'))
end

test 'any bytes are keys and values' do |redis|
  redis.set(EVERY_BYTE, EVERY_BYTE)
  same EVERY_BYTE, redis.get(EVERY_BYTE).b
  redis.set('', '')
  same '', redis.get('')
end

test 'large values' do |redis|
  value = EVERY_BYTE * 20_000
  redis.set('large', value)
  same true, redis.get('large').b == value
  same value.size, redis.strlen('large')
  same value[-10..], redis.getrange('large', -10, -1).b
  same value.size + 3, redis.append('large', 'end')
end

test 'numbers' do |redis|
  same 42, redis.incrby('n', 42)
  same 41, redis.decr('n')
  same 41.5, redis.incrbyfloat('n', 0.5)
end

test 'several keys' do |redis|
  redis.mset('a', '1', 'b', '2')
  same ['2', nil, '1'], redis.mget('b', 'nothing', 'a')
  same({ 'a' => '1', 'b' => '2' }, redis.mapped_mget('a', 'b'))
  same false, redis.msetnx('a', '3', 'c', '4')
  same true, redis.copy('a', 'd')
  same 2, redis.unlink('a', 'b')
end

test 'errors are exceptions of its own' do |redis|
  redis.set('key', 'text')
  throws(Redis::CommandError, /\AERR value is not an integer or out of range\z/) { redis.incr('key') }
  throws(Redis::CommandError, /\AERR unknown command 'nonsense', with args/) { redis.call('nonsense', '1') }
  throws(Redis::CommandError, /\AERR wrong number of arguments for 'get' command\z/) { redis.call('get') }
  same 'PONG', redis.ping
end

test 'a pipeline' do |redis|
  replies = redis.pipelined do |pipeline|
    5000.times { |i| pipeline.set("key:#{i}", i) && pipeline.get("key:#{i}") }
  end
  same 10_000, replies.size
  same %w[OK 4999], replies.last(2)
end

test 'an error in a pipeline stops nothing else' do |redis|
  throws(Redis::CommandError, /not an integer/) do
    redis.pipelined do |pipeline|
      pipeline.set('a', 'x')
      pipeline.incr('a')
      pipeline.set('b', 'y')
    end
  end
  same 'y', redis.get('b')
end

test 'a transaction' do |redis|
  replies = redis.multi do |transaction|
    transaction.set('a', '1')
    transaction.incr('a')
    transaction.get('a')
  end
  same ['OK', 2, '2'], replies
end

test 'watch' do |redis|
  replies = redis.watch('key') do |client|
    connect.set('key', 'changed')
    client.multi { |transaction| transaction.set('key', 'mine') }
  end
  same nil, replies
  same 'changed', redis.get('key')
  replies = redis.watch('key') do |client|
    client.multi { |transaction| transaction.set('key', 'mine') }
  end
  same ['OK'], replies
end

test 'threads share a client' do |redis|
  threads = Array.new(8) { Thread.new { 200.times { redis.incr('n') } } }
  threads.each(&:join)
  same '1600', redis.get('n')
end

test 'a scan finds every key once' do |redis|
  redis.mset(*(1..1000).flat_map { |i| ["key:#{i}", 'x'] })
  found = redis.scan_each(match: 'key:*', count: 37).to_a
  same 1000, found.size
  same 1000, found.uniq.size
end

test 'keys expire' do |redis|
  redis.psetex('key', 1_000_000, 'value')
  same 'value', redis.get('key')
  same true, redis.pexpire('key', 20)
  sleep 0.03
  same nil, redis.get('key')
  same(-2, redis.ttl('key'))
end

test 'databases' do |redis|
  other = connect(db: 5)
  other.set('key', 'there')
  same nil, redis.get('key')
  same true, other.move('key', 0)
  same 'there', redis.get('key')
  throws(Redis::CommandError, /\AERR DB index is out of range\z/) { redis.select(99) }
end

test 'bits and estimates' do |redis|
  same 0, redis.setbit('bits', 7, 1)
  same 1, redis.bitcount('bits')
  same true, redis.pfadd('estimate', %w[a b c])
  same 3, redis.pfcount('estimate')
end

test 'dump and restore' do |redis|
  redis.set('key', EVERY_BYTE)
  same 'OK', redis.restore('copy', 0, redis.dump('key'))
  same EVERY_BYTE, redis.get('copy').b
end

test 'publish and subscribe' do |redis|
  got = []
  subscriber = connect
  subscriber.subscribe('news', 'other') do |on|
    on.subscribe do |_, count|
      next unless count == 2

      redis.publish('news', "o\0ne")
      redis.publish('other', 'two')
    end
    on.message do |channel, message|
      got << [channel, message]
      subscriber.unsubscribe if got.size == 2
    end
  end
  same [['news', "o\0ne"], %w[other two]], got
  same 'PONG', subscriber.ping
end

test 'subscribe by pattern' do |redis|
  got = []
  subscriber = connect
  subscriber.psubscribe('news.*') do |on|
    on.psubscribe { redis.publish('news.sport', 'goal') }
    on.pmessage do |pattern, channel, message|
      got << [pattern, channel, message]
      subscriber.punsubscribe('news.*')
    end
  end
  same [%w[news.* news.sport goal]], got
  same 'PONG', subscriber.ping
end

test 'waits for a message no longer than it is told' do |_redis|
  throws(Redis::TimeoutError, /./) do
    connect(reconnect_attempts: 0).subscribe_with_timeout(0.05, 'silence') {}
  end
end

test 'the Unix socket' do |redis|
  Redis.new(path: ENV.fetch('SCDB_SOCKET')).set('key', 'value')
  same 'value', redis.get('key')
end

test 'a password' do |redis|
  redis.config(:set, 'requirepass', 'secret')
  begin
    throws(Redis::CommandError, /\ANOAUTH /) { connect.get('key') }
    throws(Redis::BaseError, /WRONGPASS /) { connect(password: 'wrong').get('key') }
    same 'PONG', connect(password: 'secret').ping
    same 'PONG', Redis.new(url: "redis://default:secret@#{HOST}:#{PORT}/2").ping
  ensure
    redis.config(:set, 'requirepass', '')
  end
end

test 'what the server says of itself' do |redis|
  redis.set('key', 'value')
  same true, redis.info['redis_version'].start_with?('7.')
  same({ 'maxclients' => '10000' }, redis.config(:get, 'maxclients'))
  same 'string', redis.type('key')
  same 1, redis.dbsize
  same 'master', redis.call('role').first
  same true, redis.info(:commandstats).key?('set')
end

test 'what is watched over by MONITOR' do |redis|
  seen = []
  connect.monitor do |line|
    seen << line
    redis.set('key', 'value') if line == 'OK'
    break if line.include?('"set"')
  end
  same true, seen.last.end_with?('"set" "key" "value"')
end

%w[stop kill].each do |how|
  test "comes back after a restart (#{how})" do |_redis|
    client = connect(db: 3)
    client.set('key', 'kept')
    same true, system(ENV.fetch('SCDB_RESTART'), how)
    same 'kept', client.get('key') # connects anew, and selects its database again
  end
end

run_tests
