// Asks a simulator of IAM policies that others wrote, @cloud-copilot/iam-simulate, about requests.
//
//     simulate.mjs FOLDER-OF-PACKAGES CASES
//
// CASES is JSON: [{policy, action, resource, account, context, allowed}]. Each verdict is printed that is
// another than `allowed` says, and whatever the simulator does not take: it knows which actions there
// are, on which resources, and with which condition keys. Exit code 1 on any.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [, , packages, file] = process.argv;
const { runSimulation } = createRequire(`${packages}/`)('@cloud-copilot/iam-simulate');

/** What the simulator says of one request. */
async function verdict({ policy, action, resource, account, context }) {
  const answer = await runSimulation(
    {
      request: {
        action,
        principal: `arn:aws:iam::${account}:role/deployer`,
        resource: { accountId: account, resource },
        contextVariables: context,
      },
      identityPolicies: [{ name: 'policy', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  return answer.resultType === 'error' ? JSON.stringify(answer) : answer.overallResult;
}

const cases = JSON.parse(readFileSync(file, 'utf8'));
let wrong = 0;
for (const one of cases) {
  const found = await verdict(one);
  if (found !== one.allowed) {
    wrong += 1;
    console.log(`${one.action} on ${one.resource} ${JSON.stringify(one.context)}: ${found}, want ${one.allowed}`);
  }
}
console.log(`${cases.length} requests, ${wrong} of them judged otherwise`);
process.exitCode = wrong === 0 ? 0 : 1;
