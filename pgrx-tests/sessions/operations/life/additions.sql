-- What a user adds to tables of the modules.
CREATE POLICY mine ON founders.cohorts FOR SELECT TO anon USING (name = 'Spring');
ALTER TABLE founders.cohorts ADD COLUMN colour text DEFAULT 'green';
CREATE INDEX cohorts_colour_mine ON founders.cohorts (colour);
