-- One create, nothing else: what the cold start is measured with.
new_product()
  :name("Premium Software License")
  :description("A comprehensive software solution")
  :metadata("category", "software")
  :create()
