slow_loads = (slow_loads or 0) + 1
sleep(0.01)
return { loads = slow_loads }
