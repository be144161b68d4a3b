-- One request before one or more buckets, by the generic cell rate algorithm (ITU-T I.371).
--
-- KEYS  the buckets. Of each is kept when it will be empty: microseconds of this server's clock, and nanoseconds beyond.
-- ARGV  four of each bucket: nanoseconds between two requests; nanoseconds it holds; nanoseconds beyond these for requests
--       that may wait their turn; and 1 if no bucket at all takes the request when this one has no room for it.
--       Behind them, for tests alone, the time in microseconds.
--
-- Returns three of each bucket: nanoseconds until it would pass a request at once, 0 if it does; nanoseconds until it is
-- empty; and 1 if it has room for the request, be it to wait, or else 0.
--
-- Numbers are doubles, exact to 2^53. So a moment is kept in two parts, and everything else is a difference of moments: in
-- nanoseconds it is exact up to 104 days, and beyond to one in 2^53.
local now = tonumber(ARGV[4 * #KEYS + 1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local kept = redis.call('MGET', unpack(KEYS))
local found, passes = {}, true
for i = 1, #KEYS do
  local interval, capacity = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local most = capacity + tonumber(ARGV[4 * i - 1])
  local backlog = 0
  if kept[i] then
    local micros, nanos = string.match(kept[i], '^(%d+) (%d+)$')
    if micros then
      -- A clock that was set back, or a burst that is smaller now, makes nobody wait longer than for a full bucket.
      backlog = math.min(math.max((micros - now) * 1000 + nanos, 0), most)
    end
  end
  local has_room = backlog + interval <= most
  found[3 * i - 2] = math.max(backlog + interval - capacity, 0)
  found[3 * i - 1] = backlog
  found[3 * i] = has_room and 1 or 0
  if not has_room and ARGV[4 * i] == '1' then
    passes = false
  end
end

for i = 1, #KEYS do
  if passes and found[3 * i] == 1 then
    local backlog = found[3 * i - 1] + tonumber(ARGV[4 * i - 3])
    local empty = string.format('%.0f %.0f', now + math.floor(backlog / 1000), backlog % 1000)
    redis.call('SET', KEYS[i], empty, 'PX', math.ceil(backlog / 1000000))
    found[3 * i - 1] = backlog
  end
end
return found
