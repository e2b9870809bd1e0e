// Prints JSON.stringify(JSON.parse(line)) of every line of the file given: what a JavaScript engine makes of it.
import { readFileSync, writeSync } from 'node:fs';

const lines = readFileSync(process.argv[2], 'utf8').split('\n').filter((line) => line !== '');
let out = '';
for (const line of lines) out += `${JSON.stringify(JSON.parse(line))}\n`;
for (let data = Buffer.from(out); data.length > 0; data = data.subarray(writeSync(1, data)));
