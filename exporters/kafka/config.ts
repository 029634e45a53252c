/** @module Configuration of the `kafka` exporter; keys and defaults of the Collector's where it has them. */
import { z } from 'zod';
import { clientTls } from '../../pipeline/config/client-tls.ts';
import { trafficRetry, trafficSendingQueue } from '../../pipeline/config/sending.ts';
import { byteSize, duration, isLoopback, parseEndpoint, secret } from '../../pipeline/config/types.ts';

/** Room a record batch needs beside its messages, so that `max_message_bytes` below it makes no sense. */
const LEAST_MESSAGE_BYTES = 1024;

const broker = z.string().superRefine((text, context) => {
  if ((parseEndpoint(text)?.host ?? '') !== '') return;
  context.addIssue({
    code: 'custom',
    message: `"${text}" is no address`,
    params: { weir: 'WEIR1007', mend: 'write host:port, for example 127.0.0.1:9092 or [::1]:9092' },
  });
});

const topicName = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,249}$/, 'a topic name is 1 to 249 of the characters a-z A-Z 0-9 . _ -')
  .refine((name) => name !== '.' && name !== '..', 'a topic cannot be named . or ..');

const sasl = z.strictObject({
  mechanism: z
    .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
    .describe('How to log in. PLAIN sends the password as it is: use it with tls.'),
  username: z.string().min(1).describe('Name to log in with.'),
  password: secret().describe('Password to log in with; write it as ${env:NAME}.'),
  insecure_allow: z
    .boolean()
    .default(false)
    .describe('Send a PLAIN password without tls to brokers beyond this machine. Default false.'),
});

const fields = z.strictObject({
  brokers: z
    .array(broker)
    .min(1)
    .default(['localhost:9092'])
    .describe('Addresses to find the cluster by, host:port each. Default localhost:9092.'),
  client_id: z
    .string()
    .min(1)
    .default('weir')
    .describe('Name this Weir has for the brokers and in the messages (`weir-source`). Default weir.'),
  traffic: z
    .strictObject({
      topic: topicName.default('smi_traffic').describe('Topic of the messages; it must exist. Default smi_traffic.'),
      encoding: z.literal('smi_json').default('smi_json').describe('One TrafficMetrics as JSON a message.'),
    })
    .prefault({}),
  interval: z
    .enum(['window', 'slot'])
    .default('window')
    .describe('One set of messages per window of the `smi` processor, or per slot. Default window.'),
  cluster: z
    .string()
    .default('')
    .describe('Name of the cluster, for workloads that bring none; becomes part of the key. Default: none.'),
  default_kind: z
    .enum(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'Pod'])
    .default('Deployment')
    .describe('Kind of workloads whose kind nobody told. Default Deployment.'),
  max_message_bytes: byteSize()
    .refine((bytes) => bytes >= LEAST_MESSAGE_BYTES, `at least ${LEAST_MESSAGE_BYTES}B`)
    .prefault('1MB')
    .describe("Largest batch of one partition, at most the topic's max.message.bytes. Default 1MB."),
  timeout: duration({ minMs: 10 })
    .prefault('5s')
    .describe('Limit of one request and of one connection attempt. Default 5s.'),
  tls: clientTls().optional().describe('TLS to the brokers; `tls: {}` turns it on. Default: off.'),
  auth: z
    .strictObject({ sasl: sasl.optional() })
    .prefault({})
    .describe('Who Weir is for the brokers. Default: nobody.'),
  sending_queue: trafficSendingQueue(),
  retry_on_failure: trafficRetry(),
});

/** A password goes over a network in the clear only where somebody says so (trust: credentials of brokers). */
export const kafkaConfig = fields.superRefine(({ auth: { sasl }, tls, brokers }, context) => {
  if (sasl?.mechanism !== 'PLAIN' || sasl.insecure_allow || tls !== undefined) return;
  const open = brokers.find((address) => !isLoopback(parseEndpoint(address)?.host ?? ''));
  if (open === undefined) return;
  context.addIssue({
    code: 'custom',
    path: ['auth', 'sasl', 'mechanism'],
    message: `PLAIN would send the password to ${open} without tls, readable for everybody on the way`,
    params: {
      weir: 'WEIR1021',
      mend: 'add `tls: {}`, or use SCRAM-SHA-512, or say insecure_allow: true beside it where that is meant',
    },
  });
});

export type KafkaConfig = z.output<typeof kafkaConfig>;
