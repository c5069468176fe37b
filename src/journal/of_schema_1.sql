-- A journal as a Vigie of schema 1 wrote it that knew of no attestation taken back: its own statements,
-- the last attempts left out.
CREATE TABLE item (
            id TEXT NOT NULL PRIMARY KEY,
            fingerprint BLOB NOT NULL,
            seen INTEGER NOT NULL
        ) STRICT;
INSERT INTO item VALUES('broken',X'CFF022F4F69BA53334F335A8FCAEAAE7D076F8E8E5337802E08205CD64E7B787',1795477468);
INSERT INTO item VALUES('load-test',X'C769C762F0E51A4DC0270EB552875130299FC7C2F913C7C04F2CD83FCFC56450',1795477468);
INSERT INTO item VALUES('read-through',X'9A027D06D69495ECAEDC30923AB5056B7C09AAE492CFDDF2A7385A4C77D22592',1795477468);
CREATE TABLE note (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO note VALUES('needs','0.1.0');
INSERT INTO note VALUES('migrated_by','0.1.0');
INSERT INTO note VALUES('migrated_at','2026-11-23T23:44:26.064390116Z');
CREATE TABLE part (
            item TEXT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            json TEXT NOT NULL,
            digest BLOB NOT NULL,
            PRIMARY KEY (item, name)
        ) STRICT;
INSERT INTO part VALUES('broken','state','{"folded":{"standing":"failing","since":"2026-11-23T23:44:28.024338619Z","reason":"Refused","because":"127.0.0.1:9 refuses the connection","goods":0,"fails":11,"unknowns":0,"counted_at":[null,"2026-11-23T23:44:48.278192626Z",null],"last_verdict":"fail","last_reason":"Refused","last_because":"127.0.0.1:9 refuses the connection","before_unknown":null,"last_seen_failing":"2026-11-23T23:44:48.278192626Z"},"blocked":null,"stale_at":null,"last_attempt":"2026-11-23T23:44:48.278192626Z","last_pass":null,"attempts":[0,0,14,0],"known_since":"2026-11-23T23:44:27.118956814Z"}',X'224D443D373FB268');
INSERT INTO part VALUES('broken','turns','[{"at":"2026-11-23T23:44:46.169089613Z","from":"failing","to":"waived","reason":"Refused","because":"waived by Jo until 2026-11-26T23:44:43Z (known, again); 127.0.0.1:9 refuses the connection"},{"at":"2026-11-23T23:44:43.383292174Z","from":"waived","to":"failing","reason":"Refused","because":"127.0.0.1:9 refuses the connection"},{"at":"2026-11-23T23:44:37.824999028Z","from":"failing","to":"waived","reason":"Refused","because":"waived by Jo until 2026-11-25T23:44:37Z (known); 127.0.0.1:9 refuses the connection"},{"at":"2026-11-23T23:44:28.024338619Z","from":"pending","to":"failing","reason":"Refused","because":"127.0.0.1:9 refuses the connection"}]',X'4882F363A2D3678A');
INSERT INTO part VALUES('broken','failing','[{"subject":"","verdict":"fail","reason":"Refused","because":"127.0.0.1:9 refuses the connection"}]',X'B55D029883DDB681');
INSERT INTO part VALUES('load-test','state','{"folded":{"standing":"passing","since":"2026-11-23T23:44:29.793289519Z","reason":null,"because":"attested by Jo Doe at 2026-11-23T23:44:29Z, valid until 2027-05-22T23:44:29Z","goods":1,"fails":0,"unknowns":0,"counted_at":["2026-11-23T23:44:29.793289519Z",null,null],"last_verdict":"pass","last_reason":null,"last_because":"attested by Jo Doe at 2026-11-23T23:44:29Z, valid until 2027-05-22T23:44:29Z","before_unknown":null,"last_seen_failing":null},"blocked":null,"stale_at":null,"last_attempt":"2026-11-23T23:44:29.793289519Z","last_pass":"2026-11-23T23:44:29.793289519Z","attempts":[1,0,0,1],"known_since":"2026-11-23T23:44:27.118956814Z"}',X'7BFB934057E04AB1');
INSERT INTO part VALUES('load-test','turns','[{"at":"2026-11-23T23:44:29.793289519Z","from":"pending","to":"passing","reason":null,"because":"attested by Jo Doe at 2026-11-23T23:44:29Z, valid until 2027-05-22T23:44:29Z"}]',X'35985CDDFEAA120F');
INSERT INTO part VALUES('load-test','failing','[]',X'B14BDCF03A928FAE');
INSERT INTO part VALUES('read-through','state','{"folded":{"standing":"passing","since":"2026-11-23T23:44:32.349308879Z","reason":null,"because":"attested by Jo Doe at 2026-11-23T23:44:32Z for the deployment 20261123t234430z","goods":1,"fails":0,"unknowns":0,"counted_at":["2026-11-23T23:44:32.349308879Z",null,null],"last_verdict":"pass","last_reason":null,"last_because":"attested by Jo Doe at 2026-11-23T23:44:32Z for the deployment 20261123t234430z","before_unknown":null,"last_seen_failing":null},"blocked":null,"stale_at":null,"last_attempt":"2026-11-23T23:44:37.001321236Z","last_pass":"2026-11-23T23:44:37.001321236Z","attempts":[2,0,0,2],"known_since":"2026-11-23T23:44:27.118956814Z"}',X'BD26269E9C20CB2A');
INSERT INTO part VALUES('read-through','turns','[{"at":"2026-11-23T23:44:32.349308879Z","from":"pending","to":"passing","reason":null,"because":"attested by Jo Doe at 2026-11-23T23:44:32Z for the deployment 20261123t234430z"}]',X'B71DC3A82F165A93');
INSERT INTO part VALUES('read-through','failing','[]',X'32B7CDD86D8D996F');
CREATE TABLE point (
            series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            at INTEGER NOT NULL,
            value REAL,
            PRIMARY KEY (series, at)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE record (
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            at INTEGER NOT NULL,
            json TEXT NOT NULL,
            digest BLOB NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT;
INSERT INTO record VALUES('attestation','20261123t234429262z',1795477469,'{"id":"20261123t234429262z","item":"load-test","who":"Jo Doe","token":"jo","at":"2026-11-23T23:44:29.262955895Z","covers":{"until":"2027-05-22T23:44:29.262955895Z"},"note":"500 users\n1 % errors","link":"https://ci.example/7"}',X'01BFA13A68F05D61');
INSERT INTO record VALUES('deployment','20261123t234430z',1795477470,'{"id":"20261123t234430z","environment":"staging","version":"2026.11.1","who":"Jo Doe","token":"jo","started":"2026-11-23T23:44:30.049635261Z","announced":"2026-11-23T23:44:30.729522498Z","migration":"20261119_add_index","ticket":null,"notes":null}',X'011B77B1D049D3ED');
INSERT INTO record VALUES('attestation','20261123t234432153z',1795477472,'{"id":"20261123t234432153z","item":"read-through","who":"Jo Doe","token":"jo","at":"2026-11-23T23:44:32.153691812Z","covers":{"deployment":"20261123t234430z"},"note":null,"link":null}',X'90E248F2C8DBC965');
INSERT INTO record VALUES('attestation','20261123t234434045z',1795477474,'{"id":"20261123t234434045z","item":"read-through","who":"Al","token":"jo","at":"2026-11-23T23:44:34.045187204Z","covers":"next_deployment","note":null,"link":null}',X'6127FF82EF4DCC60');
INSERT INTO record VALUES('waiver','20261123t234437817z',1795477477,'{"id":"20261123t234437817z","item":"broken","who":"Jo","token":"jo","at":"2026-11-23T23:44:37.817825483Z","until":"2026-11-25T23:44:37.033752024Z","reasons":["Refused"],"why":"known","ended":{"at":"2026-11-23T23:44:43.110192729Z","by":{"withdrawal":{"who":"Al","token":"jo"}}}}',X'C67E484AD19838D9');
INSERT INTO record VALUES('waiver','20261123t234444788z',1795477484,'{"id":"20261123t234444788z","item":"broken","who":"Jo","token":"jo","at":"2026-11-23T23:44:44.788130634Z","until":"2026-11-26T23:44:43.746903012Z","reasons":["Refused"],"why":"known, again","ended":null}',X'712C94C37B884330');
INSERT INTO record VALUES('maintenance','20261123t234446570z',1795477486,'{"id":"20261123t234446570z","who":"Jo","token":"jo","at":"2026-11-23T23:44:46.570057959Z","from":"2026-11-23T23:44:46.570057959Z","until":"2026-11-24T01:44:46.524925068Z","sections":["before"],"why":"disks","ended":null}',X'A7274437FD96DB54');
CREATE TABLE series (
            id INTEGER NOT NULL PRIMARY KEY,
            item TEXT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
            measure TEXT NOT NULL,
            labels TEXT NOT NULL,
            UNIQUE (item, measure, labels)
        ) STRICT;
PRAGMA user_version = 1;
PRAGMA application_id = 1449748329;
