// kinesalite without a folder keeps everything in memory; its delays stand for AWS's and are short.
'use strict';

const { createRequire } = require('node:module');

// Its packages lie where xtask has installed them, not beside this file.
const kinesalite = createRequire(process.cwd() + '/')('kinesalite');
const delays = { createStreamMs: 50, updateStreamMs: 50, deleteStreamMs: 50 };

kinesalite({ ...delays, shardLimit: 1000 }).listen(process.env.PORT);
