-- Sends the requests of a file at random: lines of method, path, body and headers, split by tabs.
-- wrk --script=bench/wrk.lua URL -- FILE
--
-- Answers are not looked at here, which would cost the fastest paths two per cent.

local requests = {}

function init(arguments)
  math.randomseed(os.time())
  for line in io.lines(arguments[1]) do
    local method, path, body, rest = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
    local headers = {}
    for name, value in rest:gmatch("([^\t]-): ([^\t]*)") do
      headers[name] = value
    end
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  return requests[math.random(#requests)]
end
