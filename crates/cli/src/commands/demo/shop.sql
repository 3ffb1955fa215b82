-- The plaintext shop's tables, as the source database has them.
CREATE TABLE `customers` (
  `id` bigint NOT NULL,
  `name` varchar(100) DEFAULT NULL,
  `email` varchar(190) DEFAULT NULL,
  `phone` varchar(40) DEFAULT NULL,
  `birth_date` date DEFAULT NULL,
  `address` varchar(400) DEFAULT NULL,
  `notes` text DEFAULT NULL,
  `loyalty` varchar(20) DEFAULT NULL,
  `points` int DEFAULT NULL,
  `marketing` tinyint(1) DEFAULT NULL,
  `created_at` datetime(6) DEFAULT NULL,
  `internal_score` int DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE `orders` (
  `id` bigint NOT NULL,
  `customer_id` bigint DEFAULT NULL,
  `status` varchar(20) DEFAULT NULL,
  `total` decimal(12,2) DEFAULT NULL,
  `placed_at` datetime(6) DEFAULT NULL,
  `card_last4` varchar(4) DEFAULT NULL,
  `iban` varchar(34) DEFAULT NULL,
  `shipping_note` varchar(500) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
