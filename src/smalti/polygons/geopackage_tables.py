"""The tables of a GeoPackage (OGC 12-128r18) as statements of SQL; names in braces are filled in, quoted."""

CREATE = """
PRAGMA application_id = 1196444487;
PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (
    srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT,
    definition_12_063 TEXT NOT NULL
);
CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER REFERENCES gpkg_spatial_ref_sys (srs_id)
);
CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL UNIQUE REFERENCES gpkg_contents (table_name), column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys (srs_id),
    z TINYINT NOT NULL, m TINYINT NOT NULL, PRIMARY KEY (table_name, column_name)
);
CREATE TABLE gpkg_extensions (
    table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
    UNIQUE (table_name, column_name, extension_name)
);
"""
LAYER = """
CREATE TABLE {layer} (
    fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POLYGON, class TEXT, class_id MEDIUMINT, area_m2 REAL
);
"""
INDEX = "CREATE VIRTUAL TABLE {index} USING rtree(id, minx, maxx, miny, maxy);"

_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]'
)
SYSTEMS = (
    ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian coordinates", "undefined"),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic coordinates", "undefined"),
    ("WGS 84", 4326, "EPSG", 4326, _WGS84, "longitude and latitude in degrees", "undefined"),
)
"""The coordinate systems that every file has."""
EXTENSIONS = (
    (None, "geom", "gpkg_rtree_index", "http://www.geopackage.org/spec120/#extension_rtree", "write-only"),
    ("gpkg_spatial_ref_sys", "definition_12_063", "gpkg_crs_wkt",
     "http://www.geopackage.org/spec120/#extension_crs_wkt", "read-write"),
)  # fmt: skip
"""Table (None: the layer), column, extension, where it is defined, and its scope."""

_BOX = "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
_PUT = f"INSERT OR REPLACE INTO {{index}} VALUES (NEW.fid, {_BOX});"
_DROP = "DELETE FROM {index} WHERE id = OLD.fid;"
_SHAPE, _NONE = "(NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))", "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))"
_HAD, _HAD_NONE = _SHAPE.replace("NEW", "OLD"), _NONE.replace("NEW", "OLD")
_SET = (
    "UPDATE {index} SET minx = ST_MinX(NEW.geom), maxx = ST_MaxX(NEW.geom), miny = ST_MinY(NEW.geom),"
    " maxy = ST_MaxY(NEW.geom) WHERE id = NEW.fid;"
)
_SAME, _MOVED = "OLD.fid = NEW.fid", "OLD.fid != NEW.fid"
TRIGGERS = {
    "insert": f"AFTER INSERT ON {{layer}} WHEN {_SHAPE} BEGIN {_PUT} END",
    "update6": f"AFTER UPDATE OF geom ON {{layer}} WHEN {_SAME} AND {_SHAPE} AND {_HAD} BEGIN {_SET} END",
    "update7": f"AFTER UPDATE OF geom ON {{layer}} WHEN {_SAME} AND {_SHAPE} AND {_HAD_NONE} BEGIN {_PUT} END",
    "update2": f"AFTER UPDATE OF geom ON {{layer}} WHEN {_SAME} AND {_NONE} BEGIN {_DROP} END",
    "update5": f"AFTER UPDATE ON {{layer}} WHEN {_MOVED} AND {_SHAPE} BEGIN {_DROP} {_PUT} END",
    "update4": f"AFTER UPDATE ON {{layer}} WHEN {_MOVED} AND {_NONE}"
    " BEGIN DELETE FROM {index} WHERE id IN (OLD.fid, NEW.fid); END",
    "delete": f"AFTER DELETE ON {{layer}} WHEN OLD.geom NOT NULL BEGIN {_DROP} END",
}
"""What keeps the index of a layer in step when another program edits it: name after that of the index, and rule."""
