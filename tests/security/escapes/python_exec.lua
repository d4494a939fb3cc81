-- what: python.exec of a statement
-- source: lupa README
-- expect: error
python.exec("import os; os._exit(1)")
