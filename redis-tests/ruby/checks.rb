# frozen_string_literal: true

# What the Ruby tests share: tests by name, run one after the other on an empty server, and counted.

require 'redis'

HOST = ENV.fetch('SCDB_HOST')
PORT = Integer(ENV.fetch('SCDB_PORT'))
EVERY_BYTE = (0..255).to_a.pack('C*')

class Failure < StandardError; end

def connect(**options)
  Redis.new(host: HOST, port: PORT, timeout: 60, **options)
end

def same(wanted, got)
  raise Failure, "wanted #{wanted.inspect[0, 300]}, got #{got.inspect[0, 300]}" unless wanted == got
end

def throws(kind, pattern)
  yield
rescue kind => e
  raise Failure, "\"#{e.message}\" does not match #{pattern.inspect}" unless pattern.match?(e.message)
else
  raise Failure, "no #{kind} was raised"
end

TESTS = {}

def test(name, &body)
  TESTS[name] = body
end

# Runs the tests, each with a client of its own, and ends the program.
def run_tests
  passed = failed = 0
  TESTS.each do |name, body|
    redis = connect
    redis.flushall
    body.call(redis)
    passed += 1
  rescue StandardError => e
    failed += 1
    where = e.backtrace.grep(/#{Regexp.escape($PROGRAM_NAME)}/).first.to_s[/:\d+/]
    puts "FAIL #{name}: #{e.class}: #{e.message} (#{File.basename($PROGRAM_NAME)}#{where})"
  ensure
    redis.close
  end
  puts "#{passed} passed, #{failed} failed"
  exit failed.zero?
end
