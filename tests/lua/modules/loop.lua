return require("modules.loop")
