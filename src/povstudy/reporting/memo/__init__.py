"""The policy memo: two pages and a sheet for a commune, built only from the records of the other notebooks.

`collect` gathers the reports of an area into one file, `parts` reads it; `pages` and `sheet` say what stands where;
`pdf`, `word` and `workbook` write it down.  Nothing here computes a rate, a probability or an effect.
"""
