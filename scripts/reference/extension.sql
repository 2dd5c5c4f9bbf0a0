-- Prints the reference page of the extension's own functions, as Markdown: psql -qXAt.
\set schema community_core
SELECT E'# Reference: the functions of the extension\n\n<!-- Written by `make docs` from the catalogue. Change the comments in src/ instead. -->\n';
SELECT E'All are in schema `community_core`. The pages of the engines tell how they work together.\n';
\ir functions.sql
