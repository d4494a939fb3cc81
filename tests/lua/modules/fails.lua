fails_loads = (fails_loads or 0) + 1
error("load " .. fails_loads)
