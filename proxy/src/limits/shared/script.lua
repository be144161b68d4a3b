-- One request before one or more buckets, by the generic cell rate algorithm (ITU-T I.371).
--
-- KEYS  the buckets. Of each is kept when it will be empty: microseconds of this server's clock, and nanoseconds beyond.
-- ARGV  three of each bucket: nanoseconds between two requests; nanoseconds it holds; and 1 if no bucket at all takes
--       the request when this one has no room for it. Behind them, for tests alone, the time in microseconds.
--
-- Returns two of each bucket, in nanoseconds: until it has room for the request, 0 if it has; and until it is empty.
--
-- Numbers are doubles, exact to 2^53. So a moment is kept in two parts, and everything else is a difference of moments.
local now = tonumber(ARGV[3 * #KEYS + 1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local kept = redis.call('MGET', unpack(KEYS))
local waits, backlogs = {}, {}
local passes = true
for i = 1, #KEYS do
  local interval, capacity = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local backlog = 0
  if kept[i] then
    local micros, nanos = string.match(kept[i], '^(%d+) (%d+)$')
    if micros then
      -- A clock that was set back, or a burst that is smaller now, makes nobody wait longer than for a full bucket.
      backlog = math.min(math.max((micros - now) * 1000 + nanos, 0), capacity)
    end
  end
  waits[i] = math.max(backlog + interval - capacity, 0)
  backlogs[i] = backlog
  if waits[i] > 0 and ARGV[3 * i] == '1' then
    passes = false
  end
end

local found = {}
for i = 1, #KEYS do
  if passes and waits[i] == 0 then
    local backlog = backlogs[i] + tonumber(ARGV[3 * i - 2])
    local empty = string.format('%.0f %.0f', now + math.floor(backlog / 1000), backlog % 1000)
    redis.call('SET', KEYS[i], empty, 'PX', math.ceil(backlog / 1000000))
    backlogs[i] = backlog
  end
  found[2 * i - 1] = waits[i]
  found[2 * i] = backlogs[i]
end
return found
