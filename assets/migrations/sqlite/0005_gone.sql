-- Links whose record is gone: they are looked for now and then, and are few.
CREATE INDEX link_gone ON link (workspace, instance, table_name, frozen) WHERE life = 'gone';
