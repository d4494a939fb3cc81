-- what: a shell
-- source: Splash; kikito/lua-sandbox
-- expect: error
os.execute("touch /tmp/owned")
