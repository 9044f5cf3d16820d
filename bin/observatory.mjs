// Feeds the Observatory's own tests with what the app answers, and adds up as its scanner does.
// The Observatory would fetch the page over the network; here it is fetched on loopback, under the public name, and
// what a proxy in front adds is said below: TLS that verifies, and a redirect from http to https.
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const [home, port, host, least] = process.argv.slice(2);
const from = file => import(path.resolve(home, 'src', file));
const { ALL_TESTS, NUM_TESTS } = await from('constants.js');
const { Requests } = await from('types.js');
const { parseHttpEquivHeaders } = await from('retriever/utils.js');
const { getGradeForScore, getScoreModifier } = await from('grader/grader.js');
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await from('grader/charts.js');
const { CookieJar } = createRequire(path.resolve(home, 'src/index.js'))('tough-cookie');

const ask = (method, target, headers = {}) => new Promise((resolve, reject) => {
  const request = http.request({ host: '127.0.0.1', port, method, path: target, headers: { host, accept: 'text/html', ...headers } }, answer => {
    let data = '';
    answer.setEncoding('utf8').on('data', part => { data += part; }).on('end', () => {
      resolve({ status: answer.statusCode, headers: answer.headers, data, verified: true, request: { headers } });
    });
  });
  request.on('error', reject).end();
});

let page;
for (let tries = 0; !page; tries++) {
  page = await ask('GET', '/').catch(error => {
    if (tries > 100) throw error;
    return new Promise(resolve => setTimeout(resolve, 100));
  });
}
const url = new URL(`https://${host}/`);
const requests = new Requests(host);
requests.resources.path = page.data;
requests.session = { url, jar: new CookieJar(), redirectHistory: [{ url, status: page.status }] };
for (const cookie of page.headers['set-cookie'] ?? []) requests.session.jar.setCookieSync(cookie, url.href);
requests.responses.auto = { ...page, httpEquiv: parseHttpEquivHeaders(page.data, url.href) };
requests.responses.https = page;
requests.responses.http = page;
requests.responses.cors = await ask('OPTIONS', '/', { origin: 'https://http-observatory.security.mozilla.org', 'access-control-request-method': 'GET' });
requests.responses.httpRedirects = [{ url: new URL(`http://${host}/`), status: 301 }, { url, status: page.status }];
requests.responses.httpsRedirects = [{ url, status: page.status }];

let [all, lost, passed] = [100, 100, 0];
for (const test of ALL_TESTS) {
  const outcome = test(requests);
  const points = outcome.result ? getScoreModifier(outcome.result) : 0;
  all += points;
  if (points < 0) lost += points;
  if (outcome.pass) passed += 1;
  console.log(`${outcome.pass ? 'pass' : 'FAIL'}  ${String(points).padStart(3)}  ${outcome.constructor.name}: ${outcome.result}`);
}
const { score, grade } = getGradeForScore(lost >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? all : lost);
console.log(`score ${score}, grade ${grade}, ${passed} of ${NUM_TESTS} tests passed, status ${page.status}`);
if (page.status !== 200 || passed !== NUM_TESTS || score < Number(least)) {
  console.error(`observatory: wanted ${least} or more, and every test passed`);
  process.exit(1);
}
