-- The plaintext shop's table, for trying `--plaintext` where there is no old database.
CREATE TABLE IF NOT EXISTS customers (
  id BIGINT PRIMARY KEY,
  name VARCHAR(100),
  email VARCHAR(190),
  phone VARCHAR(40),
  birth_date DATE,
  address VARCHAR(400),
  notes TEXT,
  loyalty VARCHAR(20),
  points INT,
  marketing SMALLINT,
  created_at TIMESTAMP,
  internal_score INT
);
