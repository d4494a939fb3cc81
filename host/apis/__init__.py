"""APIs: catalogs compiled from OpenAPI documents, checking, encoding and answers. Independent of Lua."""
