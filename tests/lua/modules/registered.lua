return { friend = require("modules.registers") }
