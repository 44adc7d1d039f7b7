#!/usr/bin/ruby
# frozen_string_literal: true

# The cache store of Rails (ActiveSupport) against the server that support/with_server has started.
# Closes with "N passed, N failed".

require_relative 'checks'
require 'active_support'
require 'active_support/cache'
require 'active_support/cache/redis_cache_store'

# A cache that raises what would otherwise be taken for a miss.
def cache(**options)
  ActiveSupport::Cache::RedisCacheStore.new(
    url: "redis://#{HOST}:#{PORT}/3", namespace: 'app', timeout: 60, reconnect_attempts: 10, **options,
    error_handler: ->(exception:, **) { raise exception }
  )
end

def behind(redis)
  redis.select(3)
  redis
end

test 'writes, reads and deletes' do |redis|
  value = { list: [1, 2.5, nil], bytes: EVERY_BYTE }
  cache.write('key', value, expires_in: 1000)
  same value, cache.read('key')
  same true, behind(redis).ttl('app:key') > 900
  same true, cache.exist?('key')
  same 1, cache.delete('key')
  same nil, cache.read('key')
end

test 'fetch computes once' do
  computed = 0
  values = Array.new(3) { cache.fetch('key') { computed += 1 } }
  same [1, 1, 1], values
  same 2, cache.fetch('key', force: true) { computed += 1 }
end

test 'a value is written only where there is none' do
  same true, cache.write('key', 'one', unless_exist: true)
  same false, cache.write('key', 'two', unless_exist: true)
  same 'one', cache.read('key')
end

test 'many at once' do
  cache.write_multi({ 'a' => 1, 'b' => 2 }, expires_in: 1000)
  same({ 'a' => 1, 'b' => 2 }, cache.read_multi('a', 'b', 'nothing'))
  same({ 'b' => 2, 'c' => 'c!' }, cache.fetch_multi('b', 'c') { |key| "#{key}!" })
  same 2, cache.delete_multi(%w[a b nothing])
end

test 'counters' do |redis|
  same 5, cache.increment('n', 5, expires_in: 1000)
  same 3, cache.decrement('n', 2)
  same '3', cache.read('n', raw: true)
  same true, behind(redis).ttl('app:n') > 900
end

test 'what matches is deleted, and the namespace is cleared' do |redis|
  behind(redis).set('other', 'stays')
  cache.write_multi((1..2500).to_h { |i| ["key:#{i}", i] })
  cache.delete_matched('key:1*')
  same 2500 - 1111, redis.dbsize - 1
  cache.clear
  same ['other'], redis.keys('*')
end

test 'large values are compressed' do |redis|
  cache.write('key', 'text ' * 1_000_000)
  same 5_000_000, cache.read('key').size
  same true, behind(redis).strlen('app:key') < 100_000
end

%w[stop kill].each do |how|
  test "what is cached is there after a restart (#{how})" do
    store = cache
    store.write('key', how)
    same true, system(ENV.fetch('SCDB_RESTART'), how)
    same how, store.read('key')
  end
end

run_tests
